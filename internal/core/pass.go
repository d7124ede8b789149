package core

import (
	"context"
	"sync/atomic"
)

// Pass is what a request that the store has let in once comes in with again:
// work that is begun is not thrown away by turning it back halfway. It goes in
// the context, since it is a matter of the store and the door alone.
type Pass struct{ where atomic.Value }

type passKey struct{}

// WithPass gives the context of one request a pass, for the whole of it.
func WithPass(ctx context.Context) context.Context {
	return context.WithValue(ctx, passKey{}, &Pass{})
}

// PassOf gives the pass of a context; without one, a pass that nobody has.
func PassOf(ctx context.Context) *Pass {
	if p, ok := ctx.Value(passKey{}).(*Pass); ok {
		return p
	}
	return &Pass{}
}

// LetIn notes where its holder is in: the last place counts.
func (p *Pass) LetIn(where any) { p.where.Store(where) }

// In tells whether its holder was let in there last.
func (p *Pass) In(where any) bool { return p.where.Load() == where }
