package store

import "context"

// Finding is something wrong with the data.
type Finding struct {
	Check  string // which rule is broken, as "key without revision"
	Object string // where, as "key 17"
	Detail string
}

// Check looks for what must not be: damage in the files, references to what is
// not there, keys that do not agree with their revisions.
func (s *Store) Check(ctx context.Context) ([]Finding, error) { return nil, nil }
