package face_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// toy is a protocol with one of everything.
type toy struct{}

func (toy) Endpoints() []face.Endpoint {
	return []face.Endpoint{
		{Method: "GET", Path: "/things/{thing}", AnySlash: true, Handle: func(r *http.Request, by core.Actor) (face.Reply, error) {
			return face.Reply{Header: http.Header{"access_token": {"t"}}, Body: map[string]string{"is": r.PathValue("thing"), "for": by.Name()}}, nil
		}},
		{Method: "POST", Path: "/things/", Public: true, Handle: func(r *http.Request, _ core.Actor) (face.Reply, error) {
			body, err := face.Body(r)
			return face.Reply{Status: http.StatusCreated, Header: http.Header{"Content-Type": {"text/x"}}, Body: body}, err
		}},
		{Method: "DELETE", Path: "/things/", Handle: func(*http.Request, core.Actor) (face.Reply, error) {
			return face.Reply{Status: http.StatusNoContent}, nil
		}},
		{Method: "POST", Path: "/repeats", Handle: func(r *http.Request, by core.Actor) (face.Reply, error) {
			body, err := face.Body(r)
			return face.Reply{Body: map[string]any{"body": string(body), "plain": by == core.Operator("ada")}}, err
		}},
		{Method: "PUT", Path: "/things/", Public: true, Handle: func(*http.Request, core.Actor) (face.Reply, error) {
			return face.Reply{Body: func() {}}, nil
		}},
	}
}

func (toy) Authenticate(r *http.Request) (core.Actor, error) {
	if r.Header.Get("Authorization") == "" {
		return core.Actor{}, core.Errorf(core.Unauthenticated, "no")
	}
	return core.Operator("ada"), nil
}

func (toy) Encode(body any) ([]byte, string, error) {
	data, err := json.Marshal(body)
	return data, "application/toy", err
}

func (toy) Error(_ *http.Request, err error) face.Reply {
	status := map[core.Kind]int{core.Unauthenticated: 401, core.Invalid: 400}[face.ErrorOf(err).Kind]
	if errors.Is(err, face.ErrTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return face.Reply{Status: status, Body: "error"}
}

func (toy) Missing(_ *http.Request, allow []string) face.Reply {
	if len(allow) == 0 {
		return face.Reply{Status: http.StatusNotFound, Body: "missing"}
	}
	return face.Reply{Status: http.StatusMethodNotAllowed, Body: allow}
}

func TestFace(t *testing.T) {
	t.Parallel()
	f := face.New("toy", toy{}, face.Options{MaxBody: 10})
	for _, tt := range []struct {
		request, body string
		known         bool
		want          string // status, media type, body
	}{
		{"GET /things/a", "", true, `200 application/toy {"for":"ada","is":"a"}`},
		{"GET /things/a/", "", true, `200 application/toy {"for":"ada","is":"a"}`},
		{"HEAD /things/a", "", true, `200 application/toy `},
		{"GET /things/a", "", false, `401 application/toy "error"`},
		{"POST /things/", "text", false, `201 text/x text`},
		{"POST /things/", strings.Repeat("x", 11), false, `413 application/toy "error"`},
		{"DELETE /things/", "", true, `204  `},
		{"PUT /things/", "", false, `500 application/toy "error"`},
		{"BREW /things/a/", "", false, `405 application/toy ["GET","HEAD"]`},
		{"POST /things", "", false, `404 application/toy "missing"`},
		{"GET /things/a/b", "", true, `404 application/toy "missing"`},
		{"GET //things/a", "", true, `404 application/toy "missing"`},
		{"GET /things/./a", "", true, `404 application/toy "missing"`},
		{"GET /things/%00", "", true, `404 application/toy "missing"`},
		{"GET /", "", true, `404 application/toy "missing"`},
	} {
		method, target, _ := strings.Cut(tt.request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(tt.body))
		if tt.known {
			r.Header.Set("Authorization", "yes")
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if got := fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body); got != tt.want {
			t.Errorf("%s (known: %v) = %s, want %s", tt.request, tt.known, got, tt.want)
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow = %q, want GET, HEAD", tt.request, w.Header().Get("Allow"))
		}
	}
	if got := f.Routes(); len(got) != 5 || got[1] != (face.Route{Method: "POST", Path: "/things/", Public: true}) {
		t.Errorf("Routes = %v, want those of the route table", got)
	}
}

// A header's name is sent as the protocol spells it.
func TestFaceKeepsTheSpellingOfHeaders(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/things/a", nil)
	r.Header.Set("Authorization", "yes")
	w := httptest.NewRecorder()
	face.New("toy", toy{}, face.Options{}).ServeHTTP(w, r)
	if w.Header()["access_token"] == nil { //nolint:staticcheck // the spelling is what is asked for
		t.Errorf("header = %v, want access_token", w.Header())
	}
}

func TestFaceTellsOfRepetitions(t *testing.T) {
	t.Parallel()
	f := face.New("toy", toy{}, face.Options{})
	for key, want := range map[string]string{
		"": `{"body":"b","plain":true}`, "k1": `{"body":"b","plain":false}`, "bad key\x01": `"error"`,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/repeats", strings.NewReader("b"))
		r.Header.Set("Authorization", "yes")
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		if f.ServeHTTP(w, r); w.Body.String() != want {
			t.Errorf("Idempotency-Key %q: %s, want %s", key, w.Body, want)
		}
	}
}
