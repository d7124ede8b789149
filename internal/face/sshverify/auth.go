package sshverify

import (
	"context"
	"net/http"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

const apiKeyHeader = "x-api-key"

// authenticate gives the project that a request's API key belongs to. The rate
// limit stands behind it: nobody can use up another project's.
func (f *sshverify) authenticate(r *http.Request) (context.Context, core.Actor, error) {
	ctx := r.Context()
	by, key, err := f.Core.AuthenticateAPIKey(ctx, r.Header.Get(apiKeyHeader), face.RequestOf(ctx).Origin())
	if err != nil {
		return ctx, core.Actor{}, err
	}
	if wait := f.rate.Take(by.Project(), f.Now()); wait > 0 {
		return ctx, by, face.TooMany(wait)
	}
	return context.WithValue(ctx, usedKey{}, key), by, nil
}

// usedKey is where a request's context holds its API key, for [sshverify.authInfo].
type usedKey struct{}

func (f *sshverify) authInfo(ctx context.Context, by core.Actor, _ *struct{}) (*reply[AuthInfo], error) {
	project, err := f.Core.OwnProject(ctx, by)
	if err != nil {
		return nil, err
	}
	key, _ := ctx.Value(usedKey{}).(core.APIKey)
	return &reply[AuthInfo]{fromAPIKey(key, project)}, nil
}
