// Package lru makes caches of what was used last, for code that knows how many
// entries it wants: the library's constructor gives an error that only a size
// below one can cause.
package lru

import lru "github.com/hashicorp/golang-lru/v2"

// Cache holds what was set or asked for last. It may be used by several
// goroutines at once.
type Cache[K comparable, V any] = lru.Cache[K, V]

// New makes a cache of so many entries. It panics where that is less than one.
func New[K comparable, V any](size int) *Cache[K, V] {
	c, err := lru.New[K, V](size)
	if err != nil {
		panic(err)
	}
	return c
}
