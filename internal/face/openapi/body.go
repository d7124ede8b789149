package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json/jsontext"

	"keyrack/internal/face"
)

// readBody reads the body of a request whole. Huma would do that later, and
// answer a body that breaks off with a 500.
func (a *API) readBody(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().RequestBody == nil {
		next(ctx)
		return
	}
	_ = ctx.SetReadDeadline(time.Now().Add(a.BodyTimeout)) // without a connection there is nothing to wait for
	body, err := io.ReadAll(ctx.BodyReader())
	if err != nil {
		a.write(ctx, unreadable(err)) // the deadline stays: net/http is about to read what is left
		return
	}
	_ = ctx.SetReadDeadline(time.Time{})
	if err := repeatable(ctx, body); err != nil {
		a.refuse(ctx, err)
		return
	}
	next(&bufferedBody{call: ctx, body: body})
}

// repeatable lets the request's actor know that it may be a repetition.
func repeatable(ctx huma.Context, body []byte) (err error) {
	r, _ := humago.Unwrap(ctx)
	req := face.RequestOf(r.Context())
	req.Actor, err = face.Repeatable(r, body, req.Actor)
	return err
}

// unreadable tells a client why its body was not taken, in Huma's words.
func unreadable(err error) *Problem {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Problem{
			Status: http.StatusRequestEntityTooLarge,
			Detail: fmt.Sprintf("request body is too large limit=%d bytes", tooLarge.Limit),
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Problem{Status: http.StatusRequestTimeout, Detail: "request body read timeout"}
	}
	return &Problem{Status: http.StatusBadRequest, Detail: "request body is broken off or malformed"}
}

// call is [huma.Context] by a name that can be embedded: it has a method Context.
type call = huma.Context

// bufferedBody is a request whose body was read already.
type bufferedBody struct {
	call
	body []byte
}

// BodyReader gives the body.
func (c *bufferedBody) BodyReader() io.Reader { return bytes.NewReader(c.body) }

// Names of members are matched letter by letter. Left alone, Huma and
// encoding/json match them without regard to case, so one member could stand
// for another, and an object could hold the same one twice. The switch is
// process-wide, and right for every API there is.
func init() { huma.ValidateStrictCasing = true }

// strictJSON reads JSON as RFC 7493 (I-JSON) has it: UTF-8, whole characters,
// no name twice. Two programs that read a body then read the same.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}

// unmarshal is called twice by Huma: first for a tree, which it validates, then
// for the operation's own type.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return errors.New("a number is out of range") // the error's own text repeats it
	}
	if _, first := v.(*any); !first || err != nil {
		return err
	}
	return checkIJSON(data)
}

// checkIJSON refuses what encoding/json lets pass. NUL is refused with it: no
// text of ours holds one, and PostgreSQL cannot keep it.
func checkIJSON(data []byte) error {
	tokens := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := tokens.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, jsontext.ErrDuplicateName):
			return errors.New("a property stands twice in one object")
		case err != nil:
			return errors.New("not valid UTF-8")
		case token.Kind() == '"' && strings.ContainsRune(token.String(), 0):
			return errors.New("a string holds the character NUL")
		}
	}
}
