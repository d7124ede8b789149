package core

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// policyOf gives the policy that a key is under; the zero one where there is
// none, which sets no bounds.
func policyOf(tx Tx, d ManagedKeyDetail) (Policy, error) {
	all, err := tx.Policies()
	if err != nil {
		return Policy{}, err
	}
	var fitting []Policy
	for _, p := range all {
		if !p.Disabled && p.fits(d) {
			fitting = append(fitting, p)
		}
	}
	if len(fitting) == 0 {
		return Policy{}, nil
	}
	return slices.MinFunc(fitting, func(a, b Policy) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), strings.Compare(a.Name, b.Name))
	}), nil
}

func (p Policy) fits(d ManagedKeyDetail) bool {
	return anyOr(p.Hostnames, func(pattern string) bool { return matchesHost(pattern, d.On.Hostname) }) &&
		anyOr(p.Types, func(v string) bool { return v == d.On.Type }) &&
		anyOr(p.Models, func(v string) bool { return v == d.On.Model }) &&
		anyOr(p.Sites, func(v string) bool { return v == d.On.Site }) &&
		anyOr(p.Tags, func(v string) bool { return slices.Contains(d.Tags, v) })
}

// anyOr tells whether one of the list fits, or there is none to ask.
func anyOr(list []string, fits func(string) bool) bool {
	return len(list) == 0 || slices.ContainsFunc(list, fits)
}

func matchesHost(pattern, hostname string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(hostname))
	return ok && err == nil
}

// expiry is until when what is read now is good.
func (p Policy) expiry(now, changed time.Time) time.Time {
	var at time.Time
	if p.ViewTime > 0 {
		at = now.Add(p.ViewTime)
	}
	if end := changed.Add(p.MaxAge); p.MaxAge > 0 && (at.IsZero() || end.Before(at)) {
		at = end
	}
	return at
}

// Policies lists all policies by name. For those who read everything.
func (s *Service) Policies(ctx context.Context, by Actor) ([]Policy, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, Tx.Policies)
}

func (p Policy) object() string { return "policy " + p.UUID.String() }

// check says all that is wrong with a policy at once.
func (p Policy) check() error {
	var bad problems
	checkName(&bad, p.Name)
	if p.ViewTime < 0 {
		bad.addf("view_time", "must not be negative")
	}
	if p.MaxAge < 0 {
		bad.addf("max_age", "must not be negative")
	}
	for i, pattern := range p.Hostnames {
		if _, err := path.Match(pattern, ""); err != nil {
			bad.addf(fmt.Sprintf("hostnames[%d]", i), "is not a pattern; * stands for any text")
		}
	}
	checkTags(&bad, "hostnames", p.Hostnames)
	checkTags(&bad, "types", p.Types)
	checkTags(&bad, "models", p.Models)
	checkTags(&bad, "sites", p.Sites)
	checkTags(&bad, "tags", p.Tags)
	return bad.err()
}
