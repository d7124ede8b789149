package raidboxes

import (
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// maxBody is far above what a key and its title take (and below the 1 MiB that
// other faces read).
const maxBody = 64 << 10

// Options is what the face is built from.
type Options struct {
	face.Options
	Core   *core.Service
	Limits Limits
}

// New makes the face.
func New(o Options) *face.Face {
	o.Options = o.WithDefaults()
	o.MaxBody = maxBody
	p := &protocol{Options: o, throttle: newThrottle(o.Limits), guesses: newGuesses()}
	return face.New("raidboxes", p, o.Options)
}

// protocol is the face's own part.
type protocol struct {
	Options
	throttle *throttle
	guesses  *guesses
}

// Endpoints is the route table.
func (p *protocol) Endpoints() []face.Endpoint {
	public := true // login is where credentials come from
	return []face.Endpoint{
		{Method: http.MethodPost, Path: "/v1/login", AnySlash: true, Public: public, Handle: p.counted(p.login)},
		{Method: http.MethodPost, Path: "/v1/refresh-token", AnySlash: true, Handle: p.counted(p.refresh)},
		{Method: http.MethodGet, Path: "/v1/ssh-keys", AnySlash: true, Handle: p.counted(p.list)},
		{Method: http.MethodPost, Path: "/v1/ssh-keys", AnySlash: true, Handle: p.counted(p.create)},
		{Method: http.MethodDelete, Path: "/v1/ssh-keys/{id}", AnySlash: true, Handle: p.counted(p.remove)},
	}
}
