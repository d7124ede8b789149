package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Digest is a SHA-256 sum.
type Digest [sha256.Size]byte

// Made is what a request made that its sender may repeat.
type Made struct {
	Key     Digest // of the actor, the sort of thing and the sender's idempotency key
	Request Digest // of the request itself
	Object  uuid.UUID
	At      time.Time
}

// repeatable is what names a request that its sender may repeat, not knowing
// what became of it. The zero one names none.
type repeatable struct {
	key     string
	request Digest
}

// maxIdempotencyKey is generous: clients send UUIDs.
const maxIdempotencyKey = 255

// Repeatable gives the actor for a request that carries an idempotency key.
// Whatever the actor makes, he makes once: a use case that made something for
// the same key before gives that again, and Conflict where the request is not
// the same, or the thing is gone. request is a digest of all that the request
// asks for. One request makes one thing of a sort.
func (a Actor) Repeatable(key string, request Digest) (Actor, error) {
	if key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return a, Errorf(Invalid, "an idempotency key must have 1 to %d printable ASCII characters", maxIdempotencyKey)
	}
	a.repeatable = repeatable{key: key, request: request}
	return a, nil
}

// keepMade is how long a repeated request is known again.
const keepMade = 24 * time.Hour

var (
	errOtherRequest = Errorf(Conflict, "the idempotency key was used for another request")
	errMadeAndGone  = Errorf(Conflict, "what this request had made has been removed")
)

// once makes a thing for the actor, unless his request is one that has made it
// already: then it gives the thing that id names, as it is now. The record of
// the request shares the transaction of the change, and of two requests at once
// the store lets one see the other's.
func once[T any](s *Service, tx Tx, by Actor, id func(T) uuid.UUID, again func(uuid.UUID) (T, error), first func() (T, error)) (T, error) {
	if by.repeatable.key == "" {
		return first()
	}
	var none T
	key := by.madeKey(fmt.Sprintf("%T", none))
	switch made, err := tx.Made(key); {
	case err == nil && made.Request != by.repeatable.request:
		return none, errOtherRequest
	case err == nil:
		found, err := again(made.Object)
		if KindOf(err) == NotFound {
			err = errMadeAndGone
		}
		return found, err
	case KindOf(err) != NotFound:
		return none, err
	}
	made, err := first()
	if err != nil {
		return none, err
	}
	return made, tx.InsertMade(Made{Key: key, Request: by.repeatable.request, Object: id(made), At: s.clock()})
}

// madeBefore tells whether the actor's request, which may be repeated, has made a
// T already, as far as is known: for use cases that make or change, of which a
// change is repeated as it is.
func madeBefore[T any](tx Tx, by Actor) (bool, error) {
	var none T
	_, err := tx.Made(by.madeKey(fmt.Sprintf("%T", none)))
	if KindOf(err) == NotFound {
		return false, nil
	}
	return err == nil, err
}

// madeKey is what the actor's idempotency key is for one sort of thing. Actors
// share no keys: none learns from another's what there is.
func (a Actor) madeKey(sort string) Digest {
	parts := [][]byte{
		fmt.Appendf(nil, "%d %d %d", a.kind, a.account, a.project), []byte(a.name), []byte(sort), []byte(a.repeatable.key),
	}
	return sha256.Sum256(bytes.Join(parts, []byte{0})) // NUL is in none of them
}

// PruneMade forgets requests that nobody repeats any more, and says how many.
// For the system alone.
func (s *Service) PruneMade(ctx context.Context, by Actor) (int, error) {
	if by.kind != ActorSystem {
		return 0, errDenied
	}
	return update(ctx, s, func(tx Tx) (int, error) { return tx.DeleteMade(s.clock().Add(-keepMade)) })
}
