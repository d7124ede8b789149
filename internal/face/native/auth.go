package native

import (
	"context"
	"net/http"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// authenticate gives the host that a request's token belongs to.
func (f *native) authenticate(r *http.Request) (context.Context, core.Actor, error) {
	ctx := r.Context()
	by, err := f.Core.AuthenticateToken(ctx, core.UseHost, bearerToken(r), face.RequestOf(ctx).Origin())
	return ctx, by, err
}

// bearerToken gives the token of a request (RFC 6750, 2.1), or nothing, which is
// no token either.
func bearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
