package server

// faceSettings check the sections of `apply`'s settings that faces read.
var faceSettings = map[string]func(text string) error{}
