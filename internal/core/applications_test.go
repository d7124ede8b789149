package core_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/core"
	"keyrack/internal/oauth1"
	"keyrack/internal/vault"
)

var jobFrom = core.Caller{Origin: core.Origin{Face: "senhasegura", Address: netip.MustParseAddr("10.1.2.3")}}

// authorize makes an authorization "ci" of a new application "deploy" and gives
// its credentials.
func (w *world) authorize(change ...func(*core.DesiredAuthorization)) map[string]vault.Secret {
	w.t.Helper()
	must(w.AddApplication(w.t.Context(), operator, core.DesiredApplication{Name: "deploy"}))
	in := core.DesiredAuthorization{
		Name: "ci", Permission: core.ReadWrite, Resources: []string{core.PAMCore}, AllowedIPs: []string{"*"},
		OAuth2: &core.DesiredOAuth2{}, OAuth1: &core.DesiredOAuth1{},
	}
	for _, f := range change {
		f(&in)
	}
	return must(w.AddAuthorization(w.t.Context(), operator, "deploy", in))
}

// token fetches an access token that lasts an hour.
func (w *world) accessToken(credentials map[string]vault.Secret) (string, error) {
	token, err := w.IssueAccessToken(w.t.Context(), credentials["oauth2.client_id"].Reveal(), credentials["oauth2.client_secret"],
		time.Hour, jobFrom.Origin)
	return token.Reveal(), err
}

// signed is a request as a stock client signs it with the credentials.
func (w *world) signed(credentials map[string]vault.Secret, nonce string, at time.Time) oauth1.Signed {
	w.t.Helper()
	base := "GET&" + signer.PercentEncode("https://vault.example.test/x") + "&" + signer.PercentEncode(fmt.Sprintf(
		"oauth_consumer_key=%s&oauth_nonce=%s&oauth_signature_method=HMAC-SHA1&oauth_timestamp=%d&oauth_token=%s",
		credentials["oauth1.consumer_key"].Reveal(), nonce, at.Unix(), credentials["oauth1.token"].Reveal()))
	signature := must((&signer.HMACSigner{ConsumerSecret: credentials["oauth1.consumer_secret"].Reveal()}).
		Sign(credentials["oauth1.token_secret"].Reveal(), base))
	return must(oauth1.Parse(oauth1.Request{
		Method: "GET", Base: "https://vault.example.test", Path: "/x", Authorization: fmt.Sprintf(
			`OAuth oauth_consumer_key="%s", oauth_nonce="%s", oauth_signature_method="HMAC-SHA1", oauth_timestamp="%d", oauth_token="%s", oauth_signature="%s"`,
			credentials["oauth1.consumer_key"].Reveal(), nonce, at.Unix(), credentials["oauth1.token"].Reveal(), signer.PercentEncode(signature)),
	}))
}

func TestApplicationsAreLetIn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		credentials := w.authorize()
		token, err := w.accessToken(credentials)
		if err != nil {
			t.Fatal(err)
		}
		by, err := w.AuthenticateAccessToken(t.Context(), token, jobFrom)
		if err != nil || by.Kind() != core.ActorApplication || by.Name() != "deploy/ci" || by.Grant().Permission != core.ReadWrite {
			t.Errorf("AuthenticateAccessToken = %+v, %v; want the application", by, err)
		}
		by, err = w.AuthenticateOAuth1(t.Context(), w.signed(credentials, "n", w.clock.Now()), jobFrom)
		if err != nil || by.Name() != "deploy/ci" {
			t.Errorf("AuthenticateOAuth1 = %+v, %v; want the application", by, err)
		}
		if events := must(w.AuditEvents(t.Context(), operator, core.AuditQuery{})); events[0].Action != "accesstoken.add" {
			t.Errorf("the last event is %s, want accesstoken.add", events[0].Action)
		}
	})
}

// A name is what happened before the attempt, on both databases the same.
func TestApplicationsAreRefused(t *testing.T) {
	t.Parallel()
	change := func(c core.AuthorizationChange) func(w *world) error {
		return func(w *world) error { return w.ChangeAuthorization(w.t.Context(), operator, "deploy", "ci", c) }
	}
	off, on := change(core.AuthorizationChange{Disabled: core.To(true)}), change(core.AuthorizationChange{Disabled: core.To(false)})
	lockApplication := func(disabled bool) func(w *world) error {
		return func(w *world) error { return w.SetApplicationDisabled(w.t.Context(), operator, "deploy", disabled) }
	}
	rotate := func(w *world) error { return second(w.RotateAuthorization(w.t.Context(), operator, "deploy", "ci")) }
	inactive, bad := core.ErrInactive, core.Errorf(core.Unauthenticated, "the credential does not hold")
	for name, tt := range map[string]struct {
		before                []func(w *world) error
		token, signed, client error // nil: let in
		expires               time.Duration
	}{
		"nothing":                              {nil, nil, nil, nil, 0},
		"an hour passed":                       {[]func(w *world) error{passing(time.Hour)}, bad, nil, nil, 0},
		"authorization disabled":               {[]func(w *world) error{off}, inactive, inactive, bad, 0},
		"authorization disabled and enabled":   {[]func(w *world) error{off, on}, bad, nil, nil, 0},
		"application disabled":                 {[]func(w *world) error{lockApplication(true)}, inactive, inactive, bad, 0},
		"application disabled and enabled":     {[]func(w *world) error{lockApplication(true), lockApplication(false)}, bad, nil, nil, 0},
		"authorization expired":                {[]func(w *world) error{passing(40 * time.Minute)}, inactive, inactive, bad, 30 * time.Minute},
		"authorization expired and lengthened": {[]func(w *world) error{passing(40 * time.Minute), expiring(time.Hour)}, bad, nil, nil, time.Minute},
		"secrets rotated":                      {[]func(w *world) error{rotate}, bad, bad, bad, 0},
		"authorization removed": {[]func(w *world) error{func(w *world) error {
			return w.RemoveAuthorization(w.t.Context(), operator, "deploy", "ci")
		}}, bad, bad, bad, 0},
		"application removed": {[]func(w *world) error{func(w *world) error {
			return w.RemoveApplication(w.t.Context(), operator, "deploy")
		}}, bad, bad, bad, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			credentials := w.authorize(func(a *core.DesiredAuthorization) {
				if tt.expires > 0 {
					a.ExpiresAt = w.clock.Now().Add(tt.expires)
				}
			})
			token := must(w.accessToken(credentials))
			for _, step := range tt.before {
				if err := step(w); err != nil {
					t.Fatal(err)
				}
			}
			_, err := w.AuthenticateAccessToken(t.Context(), token, jobFrom)
			sameError(t, "access token", err, tt.token)
			_, err = w.AuthenticateOAuth1(t.Context(), w.signed(credentials, "n", w.clock.Now()), jobFrom)
			sameError(t, "signature", err, tt.signed)
			_, err = w.accessToken(credentials)
			sameError(t, "client", err, tt.client)
		})
	}
}

func passing(d time.Duration) func(w *world) error {
	return func(w *world) error { w.clock.advance(d); return nil }
}

// expiring lets the authorization end so long after the test's start.
func expiring(d time.Duration) func(w *world) error {
	return func(w *world) error {
		return second(w.Apply(w.t.Context(), operator, core.Desired{Applications: []core.DesiredApplication{{
			Name: "deploy", Authorizations: []core.DesiredAuthorization{{
				Name: "ci", Permission: core.ReadWrite, Resources: []string{core.PAMCore}, AllowedIPs: []string{"*"},
				ExpiresAt: newClock().Now().Add(d),
			}},
		}}}, false))
	}
}

func sameError(t *testing.T, what string, got, want error) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && (got.Error() != want.Error() || core.KindOf(got) != core.KindOf(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Of a signature that was seen once, nothing can be made a second time.
func TestNoncesAreUsedOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		credentials := w.authorize()
		now := w.clock.Now()
		try := func(name string, signed oauth1.Signed, letIn bool) {
			t.Helper()
			_, err := w.AuthenticateOAuth1(t.Context(), signed, jobFrom)
			if (err == nil) != letIn || err != nil && core.KindOf(err) != core.Unauthenticated {
				t.Errorf("%s: %v, want it let in: %v", name, err, letIn)
			}
		}
		first := w.signed(credentials, "a", now)
		try("first", first, true)
		try("again", first, false)
		try("same nonce at another time", w.signed(credentials, "a", now.Add(time.Second)), false)
		try("another nonce", w.signed(credentials, "b", now), true)
		try("stale", w.signed(credentials, "c", now.Add(-core.NonceWindow-time.Second)), false)
		try("of the future", w.signed(credentials, "d", now.Add(core.NonceWindow+time.Second)), false)
		late := w.signed(credentials, "e", now.Add(core.NonceWindow))
		try("as late as may be", late, true)
		w.clock.advance(2*core.NonceWindow - time.Second)
		if n, err := w.PruneAccess(t.Context(), core.System("job"), 100); n != 2 || err != nil {
			t.Errorf("PruneAccess = %d, %v; want the two that are stale", n, err)
		}
		try("again after pruning", first, false)
		try("the late one again", late, false)
	})
}

// At once too, on several servers: one is let in.
func TestNonceRace(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		signed := w.signed(w.authorize(), "a", w.clock.Now())
		const clients = 10
		results := make(chan error, clients)
		for range clients {
			go func() {
				_, err := w.AuthenticateOAuth1(t.Context(), signed, jobFrom)
				results <- err
			}()
		}
		in := 0
		for range clients {
			if err := <-results; err == nil {
				in++
			} else if core.KindOf(err) != core.Unauthenticated {
				t.Errorf("AuthenticateOAuth1 = %v, want it refused as unauthenticated", err)
			}
		}
		if in != 1 {
			t.Errorf("%d of %d were let in, want 1", in, clients)
		}
	})
}

func TestCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sum := strings.Repeat("ab", 32)
	credentials := w.authorize(func(a *core.DesiredAuthorization) {
		a.AllowedIPs = []string{"10.1.0.0/16", "192.0.2.1", "2001:db8::/32"}
		a.Referers = []string{"https://intranet.example.org/tools/", "http://a.example"}
		a.Certificate = strings.ToUpper(sum)
	})
	token := must(w.accessToken(credentials))
	const page = "https://intranet.example.org/tools/x?y"
	for name, tt := range map[string]struct {
		address, referer, certificate string
		in                            bool
	}{
		"all as it should be":         {"10.1.2.3", page, sum, true},
		"one address":                 {"192.0.2.1", page, sum, true},
		"IPv4 in IPv6 clothes":        {"::ffff:192.0.2.1", page, sum, true},
		"IPv6":                        {"2001:db8::1", page, sum, true},
		"address beside it":           {"192.0.2.2", page, sum, false},
		"no address":                  {"", page, sum, false},
		"the page itself":             {"10.1.2.3", "https://intranet.example.org/tools", sum, true},
		"another host's page":         {"10.1.2.3", "http://A.example/anything", sum, true},
		"page beside it":              {"10.1.2.3", "https://intranet.example.org/toolsmith", sum, false},
		"page above by dots":          {"10.1.2.3", "https://intranet.example.org/tools/../x", sum, false},
		"another scheme":              {"10.1.2.3", "http://intranet.example.org/tools/x", sum, false},
		"host as a user's name":       {"10.1.2.3", "https://intranet.example.org@evil.example/tools/", sum, false},
		"host that begins alike":      {"10.1.2.3", "https://intranet.example.org.evil.example/tools/", sum, false},
		"no referer":                  {"10.1.2.3", "", sum, false},
		"broken referer":              {"10.1.2.3", "https://[", sum, false},
		"another certificate":         {"10.1.2.3", page, strings.Repeat("ac", 32), false},
		"no certificate":              {"10.1.2.3", page, "", false},
		"certificate of another case": {"10.1.2.3", page, strings.ToUpper(sum), false},
	} {
		address, _ := netip.ParseAddr(tt.address)
		_, err := w.AuthenticateAccessToken(t.Context(), token, core.Caller{
			Origin: core.Origin{Address: address}, Referer: tt.referer, Certificate: tt.certificate,
		})
		if (err == nil) != tt.in || err != nil && !errors.Is(err, core.ErrCaller) {
			t.Errorf("%s: %v, want it let in: %v", name, err, tt.in)
		}
	}
}

// Assigning takes keys that are there; what was assigned is reached.
func TestAssignedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{Devices: []core.DesiredDevice{{Hostname: "web-01"}}})
	key := w.save(operator, managedKey("web", "web-01"))
	token := must(w.accessToken(w.authorize()))
	reads := func() error {
		by := must(w.AuthenticateAccessToken(t.Context(), token, jobFrom))
		return second(w.RevealManagedKey(t.Context(), by, key.ID, 0))
	}
	change := func(c core.AuthorizationChange) error {
		return w.ChangeAuthorization(t.Context(), operator, "deploy", "ci", c)
	}
	if err := change(core.AuthorizationChange{Assign: []string{"nothing"}}); core.KindOf(err) != core.NotFound {
		t.Errorf("assigning a key that is not there: %v, want NotFound", err)
	}
	sameError(t, "before", reads(), core.ErrNoReach)
	sameError(t, "assign", change(core.AuthorizationChange{Assign: []string{"web"}}), nil)
	sameError(t, "assigned", reads(), nil)
	sameError(t, "unassign", change(core.AuthorizationChange{Unassign: []string{"web"}}), nil)
	sameError(t, "after", reads(), core.ErrNoReach)
}

// A key outlives the application that made it, and is nobody's own then.
func TestRemovedApplicationLeavesItsKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(core.Desired{Devices: []core.DesiredDevice{{Hostname: "web-01"}}})
	by := must(w.AuthenticateAccessToken(t.Context(), must(w.accessToken(w.authorize())), jobFrom))
	key := w.save(by, managedKey("web", "web-01"))
	if err := w.RemoveApplication(t.Context(), operator, "deploy"); err != nil {
		t.Fatal(err)
	}
	if left, err := w.ManagedKey(t.Context(), operator, key.ID); err != nil || left.Creator != 0 {
		t.Errorf("ManagedKey = %+v, %v; want a key that is nobody's own", left, err)
	}
}
