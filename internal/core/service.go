package core

import (
	"context"
	"time"

	"keyrack/internal/password"
	"keyrack/internal/vault"
)

// Options is what a [Service] is built from.
type Options struct {
	Store Store
	Vault *vault.Vault     // seals secrets that must be read back; nil: such changes are refused
	Now   func() time.Time // nil: time.Now

	// CheckURL says what keeps a webhook's URL from ever being reached, in words
	// that follow a field's name. What it lets pass may still be refused when it
	// is dialled. nil: any http or https URL will do.
	CheckURL func(url string) error

	// Notify is called after a change that may have sent events, so that they
	// are delivered at once. It must not block. nil: nobody is told.
	Notify func()

	// Settings check the sections of `apply`'s settings that faces read, by the
	// section's name: each gives an error where the JSON text is not what its
	// face can use. A section without one is taken as it is.
	Settings map[string]func(text string) error

	// Leases lets credentials be taken from memory for a moment, see [Lease].
	Leases bool
	// Shared tells that other processes may have leases on what is in the store:
	// a change that takes a credential away then returns once those are over.
	Shared bool

	PasswordCost password.Cost // zero: [password.DefaultCost]
}

// Service is Keyrack's use cases over one store. It holds no state of its own
// but a bound on concurrent password hashing and leases on credentials, so
// several servers may run on one store.
type Service struct {
	store     Store
	leases    *leases
	vault     sealer
	now       func() time.Time
	passwords hasher
	notify    func()
	settings  map[string]func(text string) error
	checkURL  func(url string) error
}

// New makes a Service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Notify == nil {
		o.Notify = func() {}
	}
	var kept *leases
	if o.Leases {
		kept = newLeases()
	}
	return &Service{
		store:  leasing{Store: o.Store, leases: kept, notify: o.Notify, shared: o.Shared},
		leases: kept, vault: sealer{o.Vault}, now: o.Now, passwords: hasher{password.NewHasher(o.PasswordCost)},
		notify: o.Notify, settings: o.Settings, checkURL: o.CheckURL,
	}
}

// clock is the present moment as both databases give it back.
func (s *Service) clock() time.Time { return Moment(s.now()) }

// Moment cuts t to what is stored: UTC, microseconds.
func Moment(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// view runs fn on a snapshot and gives its result.
func view[T any](ctx context.Context, s *Service, fn func(tx Tx) (T, error)) (T, error) {
	return within(ctx, s.store.View, fn)
}

// glance is view for one statement, see [Store].
func glance[T any](ctx context.Context, s *Service, fn func(tx Tx) (T, error)) (T, error) {
	return within(ctx, s.store.Glance, fn)
}

// update runs fn in a transaction and gives its result once that is durable.
func update[T any](ctx context.Context, s *Service, fn func(tx Tx) (T, error)) (T, error) {
	return within(ctx, s.store.Update, fn)
}

// updateLocked is update for what locks the rows that its rules hang on.
func updateLocked[T any](ctx context.Context, s *Service, fn func(tx Tx) (T, error)) (T, error) {
	return within(ctx, s.store.UpdateLocked, fn)
}

// transaction is a method of a [Store] that runs a function.
type transaction = func(ctx context.Context, fn func(tx Tx) error) error

// within gives the result of fn, run in a transaction.
func within[T any](ctx context.Context, run transaction, fn func(tx Tx) (T, error)) (T, error) {
	var out T
	err := run(ctx, func(tx Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}
