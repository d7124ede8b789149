package senhasegura

import (
	"net/http"
	"net/netip"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// Options is what the face is built with.
type Options struct {
	face.Options
	Core *core.Service
	// BaseURL is the scheme and authority that clients ask, which signatures of
	// OAuth 1.0 cover.
	BaseURL string
	// FailuresPerMinute is how many failed authentications one address may have
	// before it is told to wait, zero means 30. Of access tokens that do not hold,
	// which run out all the time, it may show ten times as many.
	FailuresPerMinute int
	// RequestsPerMinute is how many access tokens one address may fetch and how
	// many signed requests it may make, together: each leaves something in the
	// store for a while. Zero means 6000.
	RequestsPerMinute int
}

// limitEntries bounds the memory of limits: one entry an address.
const limitEntries = 1 << 14

// New makes the face.
func New(o Options) *face.Face {
	if o.FailuresPerMinute == 0 {
		o.FailuresPerMinute = 30
	}
	if o.RequestsPerMinute == 0 {
		o.RequestsPerMinute = 6000
	}
	o.Options = o.Options.WithDefaults()
	return face.New("senhasegura", &protocol{
		Options: o,
		guesses: face.NewFailures[netip.Addr](o.FailuresPerMinute, time.Minute, limitEntries),
		stale:   face.NewFailures[netip.Addr](10*o.FailuresPerMinute, time.Minute, limitEntries),
		stored:  face.NewLimiter[netip.Addr](o.RequestsPerMinute, limitEntries),
	}, o.Options)
}

type protocol struct {
	Options
	guesses *face.Failures[netip.Addr] // of secrets and signatures, by address
	stale   *face.Failures[netip.Addr] // access tokens, by address
	stored  *face.Limiter[netip.Addr]  // of what leaves something in the store, by address
}

// dialect is one of the two generations of paths. Both are served; what the
// second has and the first has not is said where it is made.
type dialect struct {
	*protocol
	prefix string
	iso    bool // the generation up to version 3.32
}

// Endpoints is the route table.
func (p *protocol) Endpoints() []face.Endpoint {
	return append(dialect{p, "/api", false}.endpoints(), dialect{p, "/iso", true}.endpoints()...)
}

func (d dialect) endpoints() []face.Endpoint {
	pam := d.prefix + "/pam"
	all := []face.Endpoint{
		// Public: the credentials are in the body, and checked there.
		{Method: http.MethodPost, Path: d.prefix + "/oauth2/token", Public: true, Handle: d.issueToken},
		{Method: http.MethodGet, Path: pam + "/key", Handle: keyWithoutID},
		{Method: http.MethodPost, Path: pam + "/key", Handle: d.saveKey},
		{Method: http.MethodGet, Path: pam + "/key/{id}", Handle: d.readKey},
		{Method: http.MethodDelete, Path: pam + "/key/{id}", Handle: d.disableKey},
		{Method: http.MethodPut, Path: pam + "/key/{id}", Handle: d.enableKey},
		{Method: http.MethodGet, Path: pam + "/credential", Handle: d.listCredentials},
		{Method: http.MethodDelete, Path: pam + "/credential/custody/{id}", Handle: d.releaseCustody},
		{Method: http.MethodGet, Path: pam + "/device", Handle: d.listDevices},
		{Method: http.MethodPost, Path: pam + "/device", Handle: d.saveDevice},
		{Method: http.MethodGet, Path: pam + "/device/{id}", Handle: d.readDevice},
		{Method: http.MethodDelete, Path: pam + "/device/{id}", Handle: d.disableDevice},
		{Method: http.MethodPut, Path: pam + "/device/{id}", Handle: d.enableDevice},
	}
	for i := range all {
		all[i].AnySlash = true
	}
	return all
}
