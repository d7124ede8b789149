package core

import (
	"context"
	"errors"

	"keyrack/internal/password"
)

// hasher is [password.Hasher] with errors that mean something to core's callers.
type hasher struct{ *password.Hasher }

// Turn is the hasher's, see there.
func (h hasher) Turn(ctx context.Context) (done func(), err error) {
	done, err = h.Hasher.Turn(ctx)
	return done, limited(err)
}

// Hash is the hasher's, see there.
func (h hasher) Hash(ctx context.Context, text string) (string, error) {
	hash, err := h.Hasher.Hash(ctx, text)
	return hash, limited(err)
}

// Matches is the hasher's, see there.
func (h hasher) Matches(ctx context.Context, text, hash string) (bool, error) {
	ok, err := h.Hasher.Matches(ctx, text, hash)
	return ok, limited(err)
}

func limited(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return &Error{Kind: Limited, Msg: "too many password checks are waiting", Err: err}
	}
	return err
}

func checkPassword(text string) error {
	if err := password.Check(text); err != nil {
		return invalid("password", "%v", err)
	}
	return nil
}

// hashNewPassword checks and hashes a password; the empty one stays empty.
func (s *Service) hashNewPassword(ctx context.Context, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if err := checkPassword(text); err != nil {
		return "", err
	}
	return s.passwords.Hash(ctx, text)
}
