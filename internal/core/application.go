package core

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

func (a Application) object() string { return "application " + a.UUID.String() }

func (x Authorization) object() string { return "authorization " + x.UUID.String() }

// maxDescription is in bytes: some sentences.
const maxDescription = 1024

// check says what is wrong with an application but its name.
func (a Application) check(p *problems) {
	checkLabel(p, "description", a.Description, maxDescription)
	checkTags(p, "tags", a.Tags)
}

// check says what is wrong with an authorization but its name and credentials.
func (x Authorization) check(p *problems) {
	checkLabel(p, "description", x.Description, maxDescription)
	checkLabel(p, "system", x.System, 255)
	checkLabel(p, "environment", x.Environment, 255)
	if x.Permission != ReadOnly && x.Permission != ReadWrite {
		p.addf("permission", "must be %s or %s", ReadOnly, ReadWrite)
	}
	for i, r := range x.Resources {
		if !slices.Contains(Resources(), r) {
			p.addf(fmt.Sprintf("resources[%d]", i), "must be one of %s", strings.Join(Resources(), ", "))
		}
	}
	for i, address := range x.AllowedIPs {
		if !validAddress(address) {
			p.addf(fmt.Sprintf("allowed_ips[%d]", i), "must be an IP address, a prefix as 10.0.0.0/8, or *")
		}
	}
	for i, referer := range x.Referers {
		if u, err := url.Parse(referer); err != nil || u.Scheme == "" || u.Host == "" {
			p.addf(fmt.Sprintf("referers[%d]", i), "must be a URL as https://intranet.example.org/tools")
		}
	}
	if sum, err := hex.DecodeString(x.Certificate); err != nil || len(sum) != 0 && len(sum) != 32 {
		p.addf("certificate", "must be the SHA-256 fingerprint of a certificate: 64 hex digits, with or without colons")
	}
	for i, identifier := range x.Keys {
		checkLabel(p, fmt.Sprintf("keys[%d]", i), identifier, 255)
	}
	for i, hostname := range x.Devices {
		checkLabel(p, fmt.Sprintf("devices[%d]", i), hostname, 255)
	}
}

// plainFingerprint is a fingerprint in the form that is kept.
func plainFingerprint(text string) string {
	return strings.ToLower(strings.ReplaceAll(text, ":", ""))
}

func validAddress(text string) bool {
	if text == "*" {
		return true
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}

// takes tells whether requests may come from there.
func (x Authorization) takes(c Caller) bool {
	return x.takesAddress(c.Origin.Address) && x.takesReferer(c.Referer) && (x.Certificate == "" || x.Certificate == c.Certificate)
}

func (x Authorization) takesAddress(from netip.Addr) bool {
	return slices.ContainsFunc(x.AllowedIPs, func(allowed string) bool {
		if allowed == "*" {
			return true
		}
		if prefix, err := netip.ParsePrefix(allowed); err == nil {
			return prefix.Contains(from.Unmap())
		}
		addr, err := netip.ParseAddr(allowed)
		return err == nil && from.IsValid() && addr.Unmap() == from.Unmap()
	})
}

func (x Authorization) takesReferer(referer string) bool {
	if len(x.Referers) == 0 {
		return true
	}
	from, err := url.Parse(referer)
	return err == nil && slices.ContainsFunc(x.Referers, func(allowed string) bool {
		u, err := url.Parse(allowed)
		return err == nil && atOrBelow(u, from)
	})
}

// atOrBelow tells whether a URL is base or a page below it.
func atOrBelow(base, u *url.URL) bool {
	if !strings.EqualFold(u.Scheme, base.Scheme) || !strings.EqualFold(u.Host, base.Host) || u.User != nil {
		return false
	}
	above, path := strings.TrimSuffix(base.Path, "/"), u.JoinPath().Path // dots resolved
	return above == "" || path == above || strings.HasPrefix(path, above+"/")
}
