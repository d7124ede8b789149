package sshd

import (
	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// verifyPolicy is that of verify sessions. A signature is asked of wanted keys
// alone, so nobody is asked for a passphrase in vain.
//
//	match all   multi   hears                        is met by
//	no          no      until one wanted key signed  that key
//	no          yes     the whole ring               any wanted key that signed
//	yes         -       the whole ring               all wanted keys, in this connection
//
// Core holds the keys against the session once more when the connection ends,
// since its wanted keys may have changed meanwhile, and what it says is told.
type verifyPolicy struct {
	wanted          map[sshkey.PublicKey]bool
	multi, matchAll bool
}

func newVerifyPolicy(s core.Session) verifyPolicy {
	p := verifyPolicy{wanted: make(map[sshkey.PublicKey]bool, len(s.Wanted)), multi: s.MultiKey, matchAll: s.MatchAllKeys}
	for _, k := range s.Wanted {
		p.wanted[k.Public] = true
	}
	return p
}

func (p verifyPolicy) wants(k sshkey.PublicKey) bool { return p.wanted[k] }

func (p verifyPolicy) enough(r *ring) bool {
	matched := len(p.matched(r))
	return matched > 0 && (matched == len(p.wanted) || !p.multi && !p.matchAll)
}

// matched gives the wanted keys that signed. Another key may have signed too,
// where that was the way to let its client in.
func (p verifyPolicy) matched(r *ring) []core.CollectedKey {
	return r.filter(func(k *shownKey) bool { return k.Proven && p.wanted[k.Public] })
}

func (p verifyPolicy) pick(r *ring) []core.CollectedKey {
	matched := p.matched(r)
	if p.matchAll && len(matched) < len(p.wanted) {
		return nil
	}
	return matched
}

// handOver gives all that signed, also those that were not wanted when the
// connection began.
func (p verifyPolicy) handOver(r *ring) []core.CollectedKey { return r.onlyProven() }

const (
	textChanged = "Not verified: the keys that are asked for here were changed while you were\n" +
		"connected. Connect again, or ask for a new command.\n"
	textNotWanted = "None of the keys you offered is one that is asked for here.\n" +
		"See with `ssh-add -l` whether your agent holds the right one, or name it:\n" +
		"ssh -i KEYFILE …\n"
	textWantedUnsigned = "Your client offered a key that is asked for here, but did not sign with it.\n" +
		"Connect again where the private half is, and give its passphrase, touch or\n" +
		"confirmation when asked.\n"
	textNotAll = "Not all keys that are asked for here were proven in this connection.\n"
)

func (p verifyPolicy) lacking(r *ring) string {
	switch {
	case r.weak:
		return textWeak
	case len(p.pick(r)) > 0:
		return textChanged
	case len(p.matched(r)) > 0:
		return textNotAll
	case len(r.filter(func(k *shownKey) bool { return p.wanted[k.Public] })) > 0:
		return textWantedUnsigned
	case len(r.shown) > 0:
		return textNotWanted
	case r.skipped > 0:
		return textUnreadable
	}
	return textNoKeys
}

func (p verifyPolicy) listing(keys []core.CollectedKey) string { return listing(keys, false) }

func (p verifyPolicy) success() outcome { return outcomeVerified }

func (p verifyPolicy) charges() bool { return true }
