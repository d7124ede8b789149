package safedial

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const maxURL = 2048 // bytes

// CheckURL tells whether text is a URL that a request could be sent to, as far
// as it shows without looking up names: an error early is kinder than failures
// later. That it passes means nothing for safety; dialling decides. The error's
// text follows the name of the field and repeats nothing of the URL, which may
// hold secrets.
func (g *Guard) CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return fmt.Errorf("must have at most %d bytes", maxURL)
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be an http or https URL")
	case u.Hostname() == "":
		return errors.New("must name a host")
	case u.User != nil:
		return errors.New("must not hold a user name or password")
	case strings.Contains(text, "#"):
		return errors.New("must not have a fragment")
	}
	if err := g.checkPort(u); err != nil {
		return err
	}
	return g.checkHost(u.Hostname())
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

func (g *Guard) checkPort(u *url.URL) error {
	port, err := strconv.ParseUint(cmp.Or(u.Port(), defaultPorts[u.Scheme]), 10, 16)
	if err != nil || port == 0 {
		return errors.New("must have a port between 1 and 65535")
	}
	if !g.allowsPort(uint16(port)) {
		return fmt.Errorf("must not go to port %d", port)
	}
	return nil
}

func (g *Guard) checkHost(host string) error {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return checkName(host)
	}
	if g.checkAddr(ip.Unmap()) != nil { // mapped or not, IPv4 is dialled as IPv4
		return errors.New("must not go to an internal or special address")
	}
	return nil
}

// checkName refuses host names that resolvers differ about.
func checkName(host string) error {
	name := strings.TrimSuffix(host, ".")
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return errors.New("must name its host in letters, digits and hyphens (xn-- for others)")
		}
	}
	if len(name) > 253 || looksNumeric(labels[len(labels)-1]) {
		return errors.New("must name a host or an address in its usual form")
	}
	return nil
}

// notInName refuses characters that names do not have. Underscores are no part
// of a host name, but people have them.
func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// looksNumeric tells whether some resolvers would read a name with this last
// label as an IPv4 address: 127.1, 2130706433, 0x7f000001, 0177.0.0.1
// (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func looksNumeric(label string) bool {
	if digits, hex := strings.CutPrefix(strings.ToLower(label), "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
