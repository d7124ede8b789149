package foreman

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// action is a method of a resource: a route, and what the description says of it.
type action struct {
	resource, name string
	method         string
	path           string // with :name for its parameters, as the description has it
	short          string // what it does
	params         []param
	searched       []searchField // what its list can be searched by
	public         bool          // no credentials asked
	gate           func(c *call) error
	handle         func(c *call) (any, error)
	status         int // of success; zero: 200
}

var colon = regexp.MustCompile(`:(\w+)`)

// pattern is the path as the router takes it.
func (a action) pattern() string { return colon.ReplaceAllString(a.path, "{$1}") }

// call is one request on its way through an action.
type call struct {
	*foreman
	*exchange
	r     *http.Request
	by    core.Actor
	scope core.Scope

	zoneKnown *time.Location // once it was asked for
}

// run surrounds an action with the steps that all share, in the product's order:
// permission, context, media type, and then the action itself.
func (f *foreman) run(a action) face.Handler {
	return func(r *http.Request, by core.Actor) (face.Reply, error) {
		c := &call{foreman: f, exchange: exchangeOf(r), r: r, by: by}
		for _, m := range colon.FindAllStringSubmatch(a.path, -1) {
			c.setPath(m[1], r.PathValue(m[1]))
		}
		if a.gate != nil {
			if err := a.gate(c); err != nil {
				return face.Reply{}, err
			}
		}
		if err := c.enterContext(a.public); err != nil {
			return face.Reply{}, err
		}
		if err := checkMediaType(r); err != nil {
			return face.Reply{}, err
		}
		body, err := a.handle(c)
		if err != nil {
			return face.Reply{}, err
		}
		return c.reply(a.status, body)
	}
}

// checkMediaType holds bodies of POST and PUT to JSON.
func checkMediaType(r *http.Request) error {
	if r.Method != http.MethodPost && r.Method != http.MethodPut || isJSON(r) {
		return nil
	}
	return mediaTypeError(strings.Join(r.Header.Values("Content-Type"), ", "))
}

func isJSON(r *http.Request) bool {
	given, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && given == "application/json"
}

// reply is the answer with its headers; 304 where the client has it already.
func (c *call) reply(status int, body any) (face.Reply, error) {
	data, err := face.JSON(body)
	if err != nil {
		return face.Reply{}, err
	}
	header := c.headers()
	header.Set("Content-Type", contentType)
	sum := sha256.Sum256(data)
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	header.Set("ETag", tag)
	if known(c.r, tag) {
		return face.Reply{Status: http.StatusNotModified, Header: header}, nil
	}
	return face.Reply{Status: status, Header: header, Body: data}, nil
}

// known tells whether the client of a GET has the answer with that tag.
func known(r *http.Request, tag string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	tags := strings.Split(r.Header.Get("If-None-Match"), ",")
	return slices.ContainsFunc(tags, func(t string) bool {
		t = strings.TrimSpace(t)
		return t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/")
	})
}

// headers are those of every answer past authorization, also of errors.
func (x *exchange) headers() http.Header {
	h := x.cookieHeader()
	if x.inContext == nil {
		return h
	}
	h["Foreman_version"] = []string{x.inContext.version}
	h["Foreman_api_version"] = []string{"2"}
	h["Foreman_current_organization"] = []string{x.inContext.organization}
	h["Foreman_current_location"] = []string{x.inContext.location}
	h.Set("Cache-Control", "max-age=0, private, must-revalidate")
	h.Set("X-Runtime", fmt.Sprintf("%.6f", time.Since(x.began).Seconds()))
	return h
}
