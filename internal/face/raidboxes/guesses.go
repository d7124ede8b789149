package raidboxes

import (
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"

	"keyrack/internal/face"
	"keyrack/internal/lru"
)

const (
	freeGuesses  = 10               // of an e-mail's password, before anybody has to wait
	guessMemory  = 15 * time.Minute // how long a wrong password is remembered
	keptGuesses  = 20_000
	longestDelay = guessMemory
)

// guesses slows down those who try passwords. Once an e-mail has seen ten wrong
// ones, whoever has given one of them has to wait before the next, twice as long
// each time. Who has given none is let try at once: nobody can lock the owner of
// an account out by guessing at it from elsewhere.
//
// It counts e-mails as they are sent, whether an account has them or not, so it
// tells nothing about that.
type guesses struct {
	emails *face.Failures[[32]byte]

	mu      sync.Mutex // guards what guesser holds
	guesser *lru.Cache[guess, wrong]
}

// guess is who tries what.
type guess struct {
	email [32]byte // digest: whoever sends it chooses its length
	from  netip.Prefix
}

// wrong is what came of it so far.
type wrong struct {
	times int
	last  time.Time
}

func newGuesses() *guesses {
	return &guesses{
		emails:  face.NewFailures[[32]byte](freeGuesses, guessMemory, keptGuesses),
		guesser: lru.New[guess, wrong](keptGuesses),
	}
}

func guessOf(email string, from netip.Addr) guess {
	return guess{email: sha256.Sum256([]byte(strings.ToLower(email))), from: network(from)}
}

// wait tells how long this one has to wait before the next try.
func (g *guesses) wait(who guess, now time.Time) time.Duration {
	if g.emails.Locked(who.email, now) == 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w, _ := g.guesser.Get(who)
	return max(w.last.Add(delay(w.times)).Sub(now), 0)
}

// delay doubles with each wrong password, from a second for the first.
func delay(times int) time.Duration {
	if times == 0 {
		return 0
	}
	if times > 10 { // 2^10 seconds are more than the longest
		return longestDelay
	}
	return min(time.Second<<(times-1), longestDelay)
}

func (g *guesses) fail(who guess, now time.Time) {
	g.emails.Fail(who.email, now)
	g.mu.Lock()
	defer g.mu.Unlock()
	w, _ := g.guesser.Get(who)
	if now.Sub(w.last) > guessMemory {
		w.times = 0
	}
	g.guesser.Add(who, wrong{times: w.times + 1, last: now})
}

// right forgives who has logged in, and not the others who tried.
func (g *guesses) right(who guess) { g.guesser.Remove(who) }
