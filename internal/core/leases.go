package core

import (
	"context"
	"sync"
	"time"

	"keyrack/internal/lru"
)

// Lease is how long at most what a credential stands for, and what a face is set
// to, is taken from memory instead of the store. A change made through the same
// [Service] ends all of its leases before it is acknowledged. Those of other
// processes it cannot end: where there may be some it is acknowledged once they
// are over. So what was acknowledged to be revoked is refused by all servers.
const Lease = 250 * time.Millisecond

// leasesKept bounds the memory they take. Each is of something in use right now.
const leasesKept = 10_000

// leases are what was read a moment ago. Nil has none.
type leases struct {
	kept *lru.Cache[leaseKey, lease]

	mu    sync.Mutex // orders keeping and ending
	ended uint64     // how often all were ended
}

// leaseKey names what was read: a kind of credential and the hash of its secret,
// or a setting.
type leaseKey struct {
	kind   string
	secret SecretHash
}

// lease is what was read, from a moment before it was.
type lease struct {
	read any
	from time.Time
}

func newLeases() *leases { return &leases{kept: lru.New[leaseKey, lease](leasesKept)} }

// find gives what was read, where its lease runs. Its time is the machine's
// running time, which nobody sets.
func (l *leases) find(key leaseKey) (any, bool) {
	if l == nil {
		return nil, false
	}
	got, ok := l.kept.Get(key)
	return got.read, ok && time.Since(got.from) < Lease
}

// begin gives what keep asks for: the present moment, and which leases there are.
func (l *leases) begin() (from time.Time, ended uint64) {
	if l == nil {
		return time.Time{}, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now(), l.ended
}

// keep begins a lease of what was read since begin, unless all were ended
// meanwhile: it may be from before the change that did.
func (l *leases) keep(key leaseKey, read any, from time.Time, ended uint64) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == ended {
		l.kept.Add(key, lease{read, from})
	}
}

// end ends all leases. The changes that do are few, and which lease rests on which
// row is not to be got wrong.
func (l *leases) end() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended++
	l.kept.Purge()
}

// leased gives what read finds, by its lease or anew, in a transaction. What it
// gives is shared and not to be changed; whether it holds at this moment is for
// the caller to see. Errors are not kept.
func leased[T any](ctx context.Context, s *Service, key leaseKey, run transaction, read func(tx Tx) (T, error)) (T, error) {
	if got, ok := s.leases.find(key); ok {
		return got.(T), nil
	}
	from, ended := s.leases.begin()
	out, err := within(ctx, run, read)
	if err == nil {
		s.leases.keep(key, out, from, ended)
	}
	return out, err
}

// leasing is a store that ends leases with the changes that they rest on, and has
// those told who deliver events when there are new ones.
type leasing struct {
	Store
	leases *leases
	notify func()
	shared bool // with processes that have leases of their own
}

// Update implements [Store].
func (s leasing) Update(ctx context.Context, fn func(tx Tx) error) error {
	return s.change(ctx, s.Store.Update, fn)
}

// UpdateLocked implements [Store].
func (s leasing) UpdateLocked(ctx context.Context, fn func(tx Tx) error) error {
	return s.change(ctx, s.Store.UpdateLocked, fn)
}

// Bulk implements [Store].
func (s leasing) Bulk(ctx context.Context, fn func(tx Tx) error) error {
	return s.change(ctx, s.Store.Bulk, fn)
}

// change runs a change, and gives its result once no lease goes against it.
func (s leasing) change(ctx context.Context, run transaction, fn func(tx Tx) error) error {
	var of touched
	var sent bool
	err := run(ctx, func(tx Tx) error { return fn(&watched{tx, &of, &sent}) })
	if err != nil && KindOf(err) != Unavailable { // after which it may have been made
		return err
	}
	if of.any {
		s.leases.end()
	}
	if sent {
		s.notify()
	}
	if of.taken && s.shared {
		time.Sleep(Lease)
	}
	return err
}

// touched tells whether a transaction has touched what leases rest on, and
// whether it may be relied on from now.
type touched struct{ any, taken bool }

// watched is a transaction that takes note. What is inserted takes nothing away:
// that there is no such credential is never kept.
type watched struct {
	Tx
	*touched
	sent *bool // events
}

func (t *watched) takes() Tx {
	t.any, t.taken = true, true
	return t.Tx
}

func (t *watched) renews() Tx {
	t.any = true
	return t.Tx
}

func (t *watched) InsertDeliveries(list []Delivery) error {
	*t.sent = *t.sent || len(list) > 0
	return t.Tx.InsertDeliveries(list)
}

func (t *watched) UpdateAccount(a Account) error    { return t.takes().UpdateAccount(a) }
func (t *watched) DeleteAccount(id AccountID) error { return t.takes().DeleteAccount(id) }
func (t *watched) UpdateAPIKey(k APIKey) error      { return t.takes().UpdateAPIKey(k) }
func (t *watched) DeleteAPIKey(id APIKeyID) error   { return t.takes().DeleteAPIKey(id) }
func (t *watched) UpdateToken(k Token) error        { return t.takes().UpdateToken(k) }
func (t *watched) DeleteToken(id TokenID) error     { return t.takes().DeleteToken(id) }
func (t *watched) SetTokenUsed(id TokenID, at time.Time) error {
	return t.renews().SetTokenUsed(id, at)
}
func (t *watched) SetSignInSeen(id SignInID, at time.Time) error {
	return t.renews().SetSignInSeen(id, at)
}

// DeleteSignIns takes nothing away where it makes room for new ones.
func (t *watched) DeleteSignIns(of AccountID, keep int) error {
	if keep > 0 {
		return t.renews().DeleteSignIns(of, keep)
	}
	return t.takes().DeleteSignIns(of, keep)
}
func (t *watched) UpdateTicket(k Ticket) error               { return t.renews().UpdateTicket(k) } // [ticketGrace] is longer
func (t *watched) DeleteTickets(of AccountID) error          { return t.takes().DeleteTickets(of) }
func (t *watched) UpdateSigningKey(k SigningKey) error       { return t.takes().UpdateSigningKey(k) }
func (t *watched) DeleteSigningKey(id SigningKeyID) error    { return t.takes().DeleteSigningKey(id) }
func (t *watched) UpdateApplication(a Application) error     { return t.takes().UpdateApplication(a) }
func (t *watched) DeleteApplication(id ApplicationID) error  { return t.takes().DeleteApplication(id) }
func (t *watched) UpdateAuthorization(x Authorization) error { return t.takes().UpdateAuthorization(x) }
func (t *watched) DeleteAuthorization(id AuthorizationID) error {
	return t.takes().DeleteAuthorization(id)
}
func (t *watched) DeleteAccessTokens(of AuthorizationID) error {
	return t.takes().DeleteAccessTokens(of)
}
func (t *watched) PutSetting(name, value string) error { return t.takes().PutSetting(name, value) }
func (t *watched) DeleteSetting(name string) error     { return t.takes().DeleteSetting(name) }
func (t *watched) RecredentialTickets(of AccountID, is, was SecretHash) error {
	return t.takes().RecredentialTickets(of, is, was)
}
