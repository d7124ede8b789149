package lru_test

import (
	"testing"

	"keyrack/internal/lru"
)

func TestWhatWasUsedLastIsKept(t *testing.T) {
	t.Parallel()
	c := lru.New[string, int](2)
	c.Add("a", 1)
	c.Add("b", 2)
	c.Get("a")
	c.Add("c", 3)
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if got := c.Contains(key); got != want {
			t.Errorf("%q is kept: %t, want %t", key, got, want)
		}
	}
}

func TestACacheOfNothingIsAMistake(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New(0) did not panic")
		}
	}()
	lru.New[string, int](0)
}
