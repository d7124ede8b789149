package safedial_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keyrack/internal/safedial"
)

func TestCheckURLRefusesWhatDiallingWould(t *testing.T) {
	t.Parallel()
	guard := safedial.New(safedial.Options{})
	for _, a := range attacks {
		if strings.Contains(a.url, ".test") || strings.Contains(a.url, "localhost") {
			continue // names are not looked up
		}
		text := strings.ReplaceAll(a.url, "PORT", "8080")
		if err := guard.CheckURL(text); err == nil {
			t.Errorf("CheckURL(%q) = nil, want an error (%s)", text, a.name)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	closed := safedial.New(safedial.Options{})
	tests := []struct {
		guard *safedial.Guard
		text  string
		want  string // empty: good
	}{
		{closed, "https://app.example.org/hooks/ssh", ""},
		{closed, "http://app.example.org", ""},
		{closed, "HTTPS://APP.example.org./hooks?token=a%20b&c", ""},
		{closed, "http://my_host:8080/", ""},
		{closed, "https://xn--bcher-kva.example:8443/", ""},
		{closed, "https://1.0.0.127.example.org/", ""},
		{closed, "https://8.8.8.8/", ""},
		{closed, "https://[2606:4700::1111]:65535/", ""},
		{closed, "https://0x7f.example/", ""},
		{closed, "https://0xcafe-host/", ""},

		{closed, "", "must be an http or https URL"},
		{closed, "app.example.org/hooks", "must be an http or https URL"},
		{closed, "ftp://app.example.org/", "must be an http or https URL"},
		{closed, "https://app.example.org:port/", "must be an http or https URL"},
		{closed, "https://a b.example.org/", "must be an http or https URL"},
		{closed, "https:///hooks", "must name a host"},
		{closed, "https://:443/", "must name a host"},
		{closed, "https:app.example.org", "must name a host"},
		{closed, "https://ada:s3cr3t@app.example.org/", "must not hold a user name or password"},
		{closed, "https://@app.example.org/", "must not hold a user name or password"},
		{closed, "https://app.example.org/#top", "must not have a fragment"},
		{closed, "https://app.example.org/#", "must not have a fragment"},
		{closed, "https://app.example.org:0/", "must have a port between 1 and 65535"},
		{closed, "https://app.example.org:65536/", "must have a port between 1 and 65535"},
		{closed, "https://app.example.org:22/", "must not go to port 22"},
		{closed, "https://app.example.org:5432/", "must not go to port 5432"},
		{closed, "https://bücher.example/", "must name its host in letters, digits and hyphens (xn-- for others)"},
		{closed, "https://app..example.org/", "must name its host in letters, digits and hyphens (xn-- for others)"},
		{closed, "https://" + strings.Repeat("a", 64) + ".example/", "must name its host in letters, digits and hyphens (xn-- for others)"},
		{closed, "https://" + strings.Repeat("a.", 130) + "example/", "must name a host or an address in its usual form"},
		{closed, "https://example.0x/", "must name a host or an address in its usual form"},
		{closed, "https://app.example.org/" + strings.Repeat("a", 2048), "must have at most 2048 bytes"},
		{closed, "https://10.0.0.1/", "must not go to an internal or special address"},

		{safedial.New(safedial.Options{Allow: prefixes("10.1.0.0/16")}), "http://10.1.2.3/", ""},
		{safedial.New(safedial.Options{Allow: prefixes("10.1.0.0/16")}), "http://[::ffff:10.1.2.3]/", ""},
		{safedial.New(safedial.Options{Allow: prefixes("10.1.0.0/16")}), "http://10.2.2.3/", "must not go to an internal or special address"},
		{safedial.New(safedial.Options{Allow: prefixes("10.1.0.0/16")}), "http://10.1.2.3:6379/", "must not go to port 6379"},
		{safedial.New(safedial.Options{Allow: prefixes("fd00:1::/64")}), "http://[fd00:1::7]/", ""},
		{safedial.New(safedial.Options{Allow: prefixes("64:ff9b::/96")}), "http://[64:ff9b::808:808]/", ""},
		{safedial.New(safedial.Options{Allow: prefixes("64:ff9b::/96")}), "http://[64:ff9b::7f00:1]/", "must not go to an internal or special address"},
		{safedial.New(safedial.Options{Allow: prefixes("64:ff9b::/96", "10.0.0.0/8")}), "http://[64:ff9b::a00:1]/", ""},
		{safedial.New(safedial.Options{Ports: []uint16{443}}), "https://app.example.org/", ""},
		{safedial.New(safedial.Options{Ports: []uint16{443}}), "http://app.example.org/", "must not go to port 80"},
		{safedial.New(safedial.Options{Ports: []uint16{22}}), "http://app.example.org:22/", ""},
	}
	for _, tt := range tests {
		got := ""
		if err := tt.guard.CheckURL(tt.text); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("CheckURL(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// What inet_aton(3), and with it many resolvers, read as an IPv4 address.
var atonForm = regexp.MustCompile(`(?i)^(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}\.?$`)

// FuzzCheckURL holds what is accepted to what it promises, by other means than
// it uses itself.
func FuzzCheckURL(f *testing.F) {
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
	guard := safedial.New(safedial.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		if guard.CheckURL(text) != nil {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, text, nil)
		if err != nil {
			t.Fatalf("NewRequest(%q) = %v, want a request", text, err)
		}
		u, host := req.URL, req.URL.Hostname()
		if u.Scheme != "http" && u.Scheme != "https" || host == "" || u.User != nil || u.Fragment != "" {
			t.Errorf("CheckURL(%q) = nil, parsed as %#v", text, u)
		}
		ip, err := netip.ParseAddr(host)
		if ip = ip.Unmap(); err == nil && (!ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "") {
			t.Errorf("CheckURL(%q) = nil, want %v refused", text, ip)
		}
		if err != nil && atonForm.MatchString(host) {
			t.Errorf("CheckURL(%q) = nil, want a host that no resolver takes for an address", text)
		}
		spoiled := *u
		spoiled.User = url.User("ada")
		if guard.CheckURL(spoiled.String()) == nil {
			t.Errorf("CheckURL(%q) = nil, want an error", spoiled.String())
		}
	})
}
