package native

import (
	"context"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

type loginQuery struct {
	Login       string `path:"login" doc:"The login, with the case it has in Keyrack: sshd's %u."`
	Fingerprint string `query:"fingerprint" doc:"Only the key with this fingerprint, as sshd's %f gives it: SHA256:… or MD5:…. A plus sign in it must be written %2B."`
}

// text is a reply that says how long it is, whatever its length.
type text struct {
	ContentType   string `header:"Content-Type" hidden:"true"`
	ContentLength int    `header:"Content-Length" doc:"The length of the text; a reply that is shorter is not complete."`
	Body          []byte
}

func (f *native) authorizedKeys(ctx context.Context, by core.Actor, in *loginQuery) (*text, error) {
	wanted, err := in.fingerprint()
	if err != nil {
		return nil, err
	}
	keys, err := f.Core.AuthorizedKeys(ctx, by, in.Login, wanted)
	if err != nil {
		return nil, err
	}
	lines := []byte(core.AuthorizedKeysText(in.Login, keys))
	return &text{"text/plain; charset=utf-8", len(lines), lines}, nil
}

var errBadFingerprint = core.Errorf(core.Invalid,
	"the fingerprint is malformed; expected SHA256: and 43 characters of base64 (+ written as %%2B), or MD5: and 16 pairs of hex digits")

// fingerprint gives the one that is asked for, zero for any.
func (q *loginQuery) fingerprint() (sshkey.Fingerprint, error) {
	if q.Fingerprint == "" {
		return sshkey.Fingerprint{}, nil
	}
	f, err := sshkey.ParseFingerprint(q.Fingerprint)
	if err != nil {
		return sshkey.Fingerprint{}, errBadFingerprint // the error's own text repeats it
	}
	return f, nil
}
