// Package facetest holds faces to their protocols. [Run] plays recorded
// exchanges against a handler; the other functions are checks that all faces
// have in common. It is imported by tests alone.
//
// A recording is a txtar file. Its comment says where the exchange comes from;
// its files are played in order:
//
//	-- request --
//	POST /api/v1/things/
//	x-api-key: <key>
//
//	{"name":"first"}
//	-- reply --
//	201
//	Content-Type: application/json
//
//	{"id":"<uuid:thing>","name":"first"}
//	-- do pass --
//	2h
//
// A reply's status and named headers are compared, and its whole body: JSON by
// value, a member too many failing as one too few does, all else as text. A
// header that must not be there is written with the value <absent>.
//
// Volatile values are placeholders: <uuid>, <hex>, <digits>, <token>, <time> and
// <identifier> match what has that form. With a name, as <uuid:thing>, the value must be the same
// wherever the name stands, and <thing> stands for it later, in requests too.
// Other names are those of [World.Vars].
package facetest
