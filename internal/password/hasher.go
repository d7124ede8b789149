package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
)

// Cost is what argon2id takes for a hash (RFC 9106).
type Cost struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultCost is RFC 9106's second recommended choice.
var DefaultCost = Cost{Time: 3, Memory: 64 * 1024, Threads: 4}

// ErrBusy is given where there was no place to hash in: too many passwords wait,
// or the caller did no longer.
var ErrBusy = errors.New("no place to hash in")

// Hasher hashes with bounded concurrency, because each hash takes its memory for
// a quarter of a second, and as many cores as it has threads.
type Hasher struct {
	params argon2id.Params
	slots  chan struct{}
	checks chan struct{} // of passwords that run or wait
	dummy  string        // a hash that no password has, to spend time on
}

// NewHasher makes a hasher; a zero cost means [DefaultCost].
func NewHasher(c Cost) *Hasher {
	if c == (Cost{}) {
		c = DefaultCost
	}
	params := argon2id.Params{Memory: c.Memory, Iterations: c.Time, Parallelism: c.Threads, SaltLength: 16, KeyLength: 32}
	cores := runtime.GOMAXPROCS(0)
	return &Hasher{
		params: params,
		slots:  make(chan struct{}, max(1, cores/int(c.Threads))),
		checks: make(chan struct{}, cores*checksACore),
		dummy:  dummyHash(params),
	}
}

// checksACore bounds how many passwords run and wait to be checked: who comes
// to more is refused at once, rather than to wait longer than he would for an
// answer. At a quarter of a second of a core each, the last one waits for two.
const checksACore = 8

// dummyHash makes a PHC string whose salt and hash are random: it costs what
// any costs to compare with, and no password is known to have it.
func dummyHash(p argon2id.Params) string {
	random := func(n uint32) string {
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails (crypto/rand, Go 1.24)
		return base64.RawStdEncoding.EncodeToString(b)
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Iterations, p.Parallelism,
		random(p.SaltLength), random(p.KeyLength))
}

// Turn waits for a place to hash in, or to do what costs as much; the caller
// gives it back. [ErrBusy] where ctx ends first.
func (h *Hasher) Turn(ctx context.Context) (done func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}

// Hash gives the hash of a new password as a PHC string, when it is its turn.
func (h *Hasher) Hash(ctx context.Context, text string) (string, error) {
	done, err := h.Turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return argon2id.CreateHash(text, &h.params)
}

// Matches tells whether hash is that of a password, when it is its turn;
// [ErrBusy] at once where too many wait. A hash that is empty is nobody's, and
// takes as long as any.
func (h *Hasher) Matches(ctx context.Context, text, hash string) (bool, error) {
	select {
	case h.checks <- struct{}{}:
		defer func() { <-h.checks }()
	default:
		return false, ErrBusy
	}
	done, err := h.Turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	ok, err := h.compare(text, hash)
	if len(h.checks) > cap(h.slots) {
		runtime.GC() // or what many checks leave would be twice what they use
	}
	return ok, err
}

func (h *Hasher) compare(text, hash string) (bool, error) {
	if len(text) > maxBytes {
		text = "" // never a password; hashing it all would be work for an attacker to give
	}
	against := hash
	if hash == "" {
		against = h.dummy
	}
	ok, err := argon2id.ComparePasswordAndHash(text, against)
	if err != nil {
		return false, fmt.Errorf("compare with stored password hash: %w", err)
	}
	return ok && hash != "", nil
}

// IsCheap tells whether a hash was made at a lower cost than is set now.
func (h *Hasher) IsCheap(hash string) bool {
	is, _, _, err := argon2id.DecodeHash(hash)
	return err == nil && (is.Memory < h.params.Memory || is.Iterations < h.params.Iterations || is.Parallelism < h.params.Parallelism)
}
