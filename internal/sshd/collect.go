package sshd

import (
	"fmt"
	"strings"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// collectPolicy is that of collect sessions.
//
//	multi  prove   asks for a signature of   records
//	no     -       each key until one signs  the one that signed
//	yes    no      none                      every key, as offered
//	yes    yes     each key                  every key, if at least one signed
//
// The last row refuses a ring without any signature, because recording it
// would complete the session and leave its maker, who asked for proofs, with
// none; as it is the user can come again.
type collectPolicy struct{ multi, prove bool }

func (p collectPolicy) wants(sshkey.PublicKey) bool { return !p.multi || p.prove }

func (p collectPolicy) enough(*ring) bool { return !p.multi }

func (p collectPolicy) pick(r *ring) []core.CollectedKey {
	switch {
	case !p.multi:
		return r.onlyProven()
	case p.prove && r.proven == 0:
		return nil
	}
	return r.all()
}

func (p collectPolicy) handOver(r *ring) []core.CollectedKey { return p.pick(r) }

const (
	textNoKeys = "No keys were offered.\n" +
		"See with `ssh-add -l` whether your agent holds a key, or make one with\n" +
		"`ssh-keygen -t ed25519`; then connect again.\n"
	textUnreadable = "No keys were offered that this server can read.\n" +
		"Make one with `ssh-keygen -t ed25519`, then connect again.\n"
	textUnsigned = "Your client offered a key but did not sign with it. Connect again where the\n" +
		"private half is, and give its passphrase, touch or confirmation when asked.\n"
	textWeak = "Your client signed with SHA-1, which proves nothing any more. Use a newer\n" +
		"client, or an Ed25519 key: `ssh-keygen -t ed25519`.\n"
)

func (p collectPolicy) lacking(r *ring) string {
	switch {
	case r.weak:
		return textWeak
	case len(r.shown) > 0:
		return textUnsigned
	case r.skipped > 0:
		return textUnreadable
	}
	return textNoKeys
}

func (p collectPolicy) listing(keys []core.CollectedKey) string { return listing(keys, p.prove) }

// listing names keys, a line each, and where that matters those that did not sign.
func listing(keys []core.CollectedKey, prove bool) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "  %s %s", k.Public.Algorithm(), k.Public.SHA256())
		if prove && !k.Proven {
			b.WriteString(" (not signed)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (p collectPolicy) success() outcome { return outcomeCollected }

func (p collectPolicy) charges() bool { return false }
