package face_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"keyrack/internal/face"
)

func TestClientAddr(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5000", nil, "192.0.2.1"},
		{"stranger forges the header", "192.0.2.1:5000", []string{"203.0.113.9"}, "192.0.2.1"},
		{"stranger claims to come from our proxy", "192.0.2.1:5000", []string{"203.0.113.9, 10.0.0.1"}, "192.0.2.1"},
		{"one proxy", "10.0.0.1:5000", []string{"203.0.113.9"}, "203.0.113.9"},
		{"client forges the left part", "10.0.0.1:5000", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		{"client forges a proxy of ours on the left", "10.0.0.1:5000", []string{"10.0.0.7, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", "10.0.0.1:5000", []string{"127.0.0.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"header in several lines", "10.0.0.1:5000", []string{"127.0.0.1", "203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		{"request of the proxy itself", "10.0.0.1:5000", nil, "10.0.0.1"},
		{"request inside the net", "10.0.0.1:5000", []string{"10.0.0.2"}, "10.0.0.2"},
		{"rubbish from the client", "10.0.0.1:5000", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"rubbish behind two proxies", "10.0.0.1:5000", []string{"203.0.113.9, ' OR 1=1, 10.0.0.2"}, "10.0.0.2"},
		{"empty element", "10.0.0.1:5000", []string{"203.0.113.9,,"}, "10.0.0.1"},
		{"entry with port", "10.0.0.1:5000", []string{"203.0.113.9:443"}, "203.0.113.9"},
		{"IPv6 entry with port", "10.0.0.1:5000", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"IPv6 entry in brackets", "10.0.0.1:5000", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 proxy", "[2001:db8:ffff::1]:5000", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5000", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"zone", "[fe80::1%eth0]:5000", nil, "fe80::1"},
		{"Unix socket", "@", []string{"203.0.113.9"}, "invalid IP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			for _, line := range tt.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			r.Header.Set("X-Real-Ip", "198.51.100.1")
			r.Header.Set("Forwarded", "for=198.51.100.1")
			if got := face.ClientAddr(r, trusted).String(); got != tt.want {
				t.Errorf("ClientAddr(%s, %q) = %s, want %s", tt.peer, tt.forwarded, got, tt.want)
			}
		})
	}
}

func TestClientAddrTrustsNobodyByDefault(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	if got := face.ClientAddr(r, nil).String(); got != "127.0.0.1" {
		t.Errorf("ClientAddr = %s, want the peer's, 127.0.0.1", got)
	}
}
