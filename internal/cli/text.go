package cli

import (
	"iter"
	"net/netip"
	"strings"
)

func lines(text string) iter.Seq[string] { return strings.SplitSeq(text, "\n") }

// address is an IP address as text, empty where there is none.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
