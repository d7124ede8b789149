package core

import "keyrack/internal/sshkey"

// keyBatch adds keys to accounts many at a time within one transaction: a key
// is judged when it comes, and stored with those that come after it. What add
// has against a key is the key's fault, what flush fails with the store's.
type keyBatch struct {
	*Service
	tx      Tx
	by      Actor
	comment string // of the first revisions

	waiting []Key
	seen    map[holding]bool // all that came
}

// holding is a key in somebody's hands.
type holding struct {
	owner AccountID
	key   sshkey.SHA256
}

// batchedKeys is how many keys are stored with one statement: what stores take
// at once.
const batchedKeys = 64

func (s *Service) newKeyBatch(tx Tx, by Actor, comment string) *keyBatch {
	return &keyBatch{Service: s, tx: tx, by: by, comment: comment, seen: map[holding]bool{}}
}

// add takes a key with a policy in, or says why not. An owner's key comes once.
func (b *keyBatch) add(in NewKey) error {
	d := newDraft(in, *in.Policy)
	if d.wrong != nil {
		return d.wrong
	}
	k := b.made(d)
	if err := unused(b.tx, k, in.Unique); err != nil {
		return err
	}
	h := holding{in.Owner, k.Public.SHA256()}
	if b.seen[h] {
		return conflictAt(errTaken, "public_key", ownedText)
	}
	b.seen[h] = true
	b.waiting = append(b.waiting, k)
	return nil
}

// flushFull stores the keys that wait once there are enough of them.
func (b *keyBatch) flushFull() error {
	if len(b.waiting) < batchedKeys {
		return nil
	}
	return b.flush()
}

// flush stores the keys that wait.
func (b *keyBatch) flush() error {
	if len(b.waiting) == 0 {
		return nil
	}
	_, err := b.pasteKeys(b.tx, b.by, b.comment, b.waiting...)
	b.waiting = b.waiting[:0]
	return err
}
