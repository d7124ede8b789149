package core

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
)

// Bounds of a password (OWASP ASVS 5.0, 6.2.1 and 6.2.9).
const (
	minPassword = 12  // characters
	maxPassword = 256 // bytes
)

// PasswordHashing is argon2id's cost (RFC 9106).
type PasswordHashing struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultPasswordHashing is RFC 9106's second recommended choice.
var DefaultPasswordHashing = PasswordHashing{Time: 3, Memory: 64 * 1024, Threads: 4}

// passwordHasher hashes with bounded concurrency, because each hash takes its
// memory for a quarter of a second, and as many cores as it has threads.
type passwordHasher struct {
	params argon2id.Params
	slots  chan struct{}
	checks chan struct{} // of passwords that run or wait
	dummy  string        // a hash that no password has, to spend time on
}

func newPasswordHasher(p PasswordHashing) *passwordHasher {
	if p == (PasswordHashing{}) {
		p = DefaultPasswordHashing
	}
	params := argon2id.Params{Memory: p.Memory, Iterations: p.Time, Parallelism: p.Threads, SaltLength: 16, KeyLength: 32}
	cores := runtime.GOMAXPROCS(0)
	return &passwordHasher{
		params: params,
		slots:  make(chan struct{}, max(1, cores/int(p.Threads))),
		checks: make(chan struct{}, cores*checksACore),
		dummy:  dummyHash(params),
	}
}

// checksACore bounds how many passwords run and wait to be checked: who comes
// to more is refused at once, rather than to wait longer than he would for an
// answer. At a quarter of a second of a core each, the last one waits for two.
const checksACore = 8

var errManyChecks = Errorf(Limited, "too many password checks are waiting")

// dummyHash makes a PHC string whose salt and hash are random: it costs what
// any costs to compare with, and no password is known to have it.
func dummyHash(p argon2id.Params) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Iterations, p.Parallelism,
		b64(randomBytes(int(p.SaltLength))), b64(randomBytes(int(p.KeyLength))))
}

// turn waits for a place to hash in; the caller gives it back.
func (h *passwordHasher) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, &Error{Kind: Limited, Msg: errManyChecks.Msg, Err: ctx.Err()}
	}
}

func (h *passwordHasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return argon2id.CreateHash(password, &h.params)
}

// matches tells whether hash is password's. An empty hash takes as long as any.
func (h *passwordHasher) matches(ctx context.Context, password, hash string) (bool, error) {
	select {
	case h.checks <- struct{}{}:
		defer func() { <-h.checks }()
	default:
		return false, errManyChecks
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	against := hash
	if hash == "" {
		against = h.dummy
	}
	ok, err := argon2id.ComparePasswordAndHash(password, against)
	if len(h.checks) > cap(h.slots) {
		runtime.GC() // or what many checks leave would be twice what they use
	}
	if err != nil {
		return false, fmt.Errorf("compare with stored password hash: %w", err)
	}
	return ok && hash != "", nil
}

// cheap tells whether a hash was made at a lower cost than is set now.
func (h *passwordHasher) cheap(hash string) bool {
	is, _, _, err := argon2id.DecodeHash(hash)
	return err == nil && (is.Memory < h.params.Memory || is.Iterations < h.params.Iterations || is.Parallelism < h.params.Parallelism)
}

func checkPassword(password string) error {
	switch {
	case !utf8.ValidString(password):
		return invalid("password", "must be valid UTF-8")
	case utf8.RuneCountInString(password) < minPassword:
		return invalid("password", "must have at least %d characters", minPassword)
	case len(password) > maxPassword:
		return invalid("password", "must have at most %d bytes", maxPassword)
	case isCommon(password):
		return invalid("password", "must not be one of those that are guessed first")
	}
	return nil
}

// hashNewPassword checks and hashes a password; the empty one stays empty.
func (s *Service) hashNewPassword(ctx context.Context, password string) (string, error) {
	if password == "" {
		return "", nil
	}
	if err := checkPassword(password); err != nil {
		return "", err
	}
	return s.passwords.hash(ctx, password)
}
