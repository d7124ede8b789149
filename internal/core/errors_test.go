package core_test

import (
	"errors"
	"fmt"
	"testing"

	"keyrack/internal/core"
)

func TestError(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	tests := map[string]struct {
		err  *core.Error
		want string
	}{
		"message":    {core.Errorf(core.NotFound, "no %s", "key"), "no key"},
		"cause":      {&core.Error{Kind: core.Unavailable, Msg: "later", Err: cause}, "later: disk on fire"},
		"fields":     {&core.Error{Kind: core.Invalid, Msg: "invalid input", Fields: []core.Field{{Path: "a", Msg: "b"}, {Path: "c", Msg: "d"}}}, "invalid input; a: b; c: d"},
		"no message": {&core.Error{Kind: core.Invalid, Fields: []core.Field{{Path: "a", Msg: "b"}}}, "a: b"},
	}
	for name, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s: Error() = %q, want %q", name, got, tt.want)
		}
	}
	if err := (&core.Error{Kind: core.Unavailable, Err: cause}); !errors.Is(err, cause) {
		t.Errorf("errors.Is(%v, cause) = false, want true", err)
	}
}

// What has no kind is internal: its text is for the log alone.
func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want core.Kind
	}{
		{nil, core.Internal},
		{errors.New("x"), core.Internal},
		{core.Errorf(core.Limited, "x"), core.Limited},
		{fmt.Errorf("while doing this: %w", core.Errorf(core.Conflict, "x")), core.Conflict},
		{errors.Join(errors.New("x"), core.Errorf(core.Denied, "y")), core.Denied},
	}
	for _, tt := range tests {
		if got := core.KindOf(tt.err); got != tt.want {
			t.Errorf("KindOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

// Names are for logs and the audit record, also of kinds to come.
func TestNamesOfKinds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range uint8(12) {
		for _, name := range []string{core.Kind(i).String(), "actor " + core.ActorKind(i).String()} {
			if name == "" || seen[name] {
				t.Errorf("kind %d is called %q, want a name of its own", i, name)
			}
			seen[name] = true
		}
	}
}
