package oauth1_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyrack/internal/oauth1"
)

// The credentials of the vectors, which two other implementations have signed.
const (
	consumerKey    = "5f1e0d9c8b7a695847362514f0e1d2c3b4a59687a"
	consumerSecret = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	token          = "9d8c7b6a5f4e3d2c1b0a99887766554433221100b"
	tokenSecret    = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
)

func header(signature string) string {
	return `OAuth oauth_consumer_key="` + consumerKey + `", oauth_token="` + token +
		`", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1760000000", oauth_nonce="b7c1e2", oauth_version="1.0", oauth_signature="` +
		signature + `"`
}

func vectors() map[string]oauth1.Request {
	return map[string]oauth1.Request{
		"get": {
			Method: "GET", Base: "https://vault.example.test", Path: "/api/pam/key/39",
			Authorization: header("M9s5V0PZCZDJGRlJ72oyKZAmtHs%3D"),
		},
		"port and query": {
			Method: "GET", Base: "https://vault.example.test:8443", Path: "/api/pam/credential", Query: "b=2&a=x%20y",
			Authorization: header("0ueCt%2B1uizisKLxRkJtsDnF11So%3D"),
		},
		"form": {
			Method: "POST", Base: "https://vault.example.test", Path: "/iso/pam/device", Form: "hostname=db+01&ip=10.0.0.9",
			Authorization: header("%2FOfjyg2YnjZXYQ8Vi9dsZJ%2Fq7uo%3D"),
		},
		"in the query": {
			Method: "GET", Base: "https://vault.example.test", Path: "/api/pam/key/39",
			Query: "oauth_consumer_key=" + consumerKey + "&oauth_token=" + token + "&oauth_signature_method=HMAC-SHA1" +
				"&oauth_timestamp=1760000000&oauth_nonce=b7c1e2&oauth_version=1.0&oauth_signature=M9s5V0PZCZDJGRlJ72oyKZAmtHs%3D",
		},
	}
}

// verifies tells whether a request is signed with the vectors' secrets.
func verifies(r oauth1.Request) bool {
	s, err := oauth1.Parse(r)
	return err == nil && s.Verify(consumerSecret, tokenSecret)
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for name, r := range vectors() {
		s, err := oauth1.Parse(r)
		if err != nil {
			t.Errorf("%s: Parse = %v, want no error", name, err)
			continue
		}
		if s.ConsumerKey != consumerKey || s.Token != token || s.Nonce != "b7c1e2" || s.Timestamp.Unix() != 1760000000 {
			t.Errorf("%s: Parse = %+v, want the vector's values", name, s)
		}
		if !s.Verify(consumerSecret, tokenSecret) {
			t.Errorf("%s: Verify = false, want true", name)
		}
		if s.Verify(tokenSecret, consumerSecret) || s.Verify(consumerSecret, "") {
			t.Errorf("%s: Verify with other secrets = true, want false", name)
		}
	}
}

// RFC 5849, 3.4.1.1 and 1.2 have these by way of example. The signature without
// a token is computed apart: the one printed there is of another request.
func TestExamplesOfTheRFC(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		r               oauth1.Request
		consumer, token string
	}{
		"3.4.1.1, with an escaped token": {
			oauth1.Request{
				Method: "POST", Base: "http://example.com", Path: "/request", Query: "b5=%3D%253D&a3=a&c%40=&a2=r%20b", Form: "c2&a3=2+q",
				Authorization: `OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"`,
			}, "j49sk3j29djd", "dh893hdasih9",
		},
		"1.2, the photograph": {
			oauth1.Request{
				Method: "GET", Base: "http://photos.example.net:80", Path: "/photos", Query: "file=vacation.jpg&size=original",
				Authorization: `OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_nonce="chapoH", oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"`,
			}, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00",
		},
		"1.2, without a token": {
			oauth1.Request{
				Method: "POST", Base: "HTTPS://Photos.example.net:443", Path: "/initiate",
				Authorization: `OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131200", oauth_nonce="wIjqoxSZ", oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready", oauth_signature="%2FUvthHqLWsq3QBhDNNbCXRUcFvI%3D"`,
			}, "kd94hf93k423kf44", "",
		},
	} {
		s, err := oauth1.Parse(tt.r)
		if err != nil || !s.Verify(tt.consumer, tt.token) {
			t.Errorf("%s: Parse = %+v, %v, want a signature that holds", name, s, err)
		}
	}
}

// What clients write differently and mean the same.
func TestTolerance(t *testing.T) {
	t.Parallel()
	plain := vectors()["get"]
	for name, change := range map[string]func(string) string{
		"empty realm":            func(h string) string { return strings.Replace(h, "OAuth ", `OAuth realm="", `, 1) },
		"realm with a comma":     func(h string) string { return strings.Replace(h, "OAuth ", `OAuth realm="a, b=%zz", `, 1) },
		"scheme in another case": func(h string) string { return strings.Replace(h, "OAuth", "oauth", 1) },
		"no blanks":              func(h string) string { return "OAuth " + strings.ReplaceAll(h[len("OAuth "):], " ", "") },
		"blank before the quote": func(h string) string { return strings.ReplaceAll(h, `="`, `= "`) },
		"blanks around equals":   func(h string) string { return strings.ReplaceAll(h, `="`, ` =  "`) },
		"no quotes":              func(h string) string { return strings.ReplaceAll(h, `"`, "") },
		"signature not escaped":  func(h string) string { return strings.ReplaceAll(h, "%3D", "=") },
		"comma at the end":       func(h string) string { return h + "," },
	} {
		r := plain
		if r.Authorization = change(plain.Authorization); !verifies(r) {
			t.Errorf("%s: %s is refused, want it taken", name, r.Authorization)
		}
	}
}

// A name is what an attacker, or a client that is wrong, does to a request.
func TestRefusals(t *testing.T) {
	t.Parallel()
	base := vectors()["form"]
	for name, attack := range map[string]func(*oauth1.Request){
		"altered body":            func(r *oauth1.Request) { r.Form = "hostname=db+02&ip=10.0.0.9" },
		"body left out":           func(r *oauth1.Request) { r.Form = "" },
		"added to the body":       func(r *oauth1.Request) { r.Form += "&site=x" },
		"added to the query":      func(r *oauth1.Request) { r.Query = "a=1" },
		"another method":          func(r *oauth1.Request) { r.Method = "PUT" },
		"another path":            func(r *oauth1.Request) { r.Path = "/iso/pam/key" },
		"path encoded otherwise":  func(r *oauth1.Request) { r.Path = "/iso/pam/devic%65" },
		"another host":            func(r *oauth1.Request) { r.Base = "https://other.example.test" },
		"another port":            func(r *oauth1.Request) { r.Base += ":8443" },
		"another scheme":          func(r *oauth1.Request) { r.Base = "http://vault.example.test" },
		"default port of another": func(r *oauth1.Request) { r.Base += ":80" },
		"another timestamp":       replaced("1760000000", "1760000001"),
		"another nonce":           replaced("b7c1e2", "b7c1e3"),
		"another consumer":        replaced(consumerKey, token),
		"token dropped":           replaced(`oauth_token="`+token+`", `, ""),
		"dummy signature":         replaced("%2FOfjyg2YnjZXYQ8Vi9dsZJ%2Fq7uo%3D", "-"),
		"no signature":            replaced("%2FOfjyg2YnjZXYQ8Vi9dsZJ%2Fq7uo%3D", ""),
		"cut signature":           replaced("uo%3D", ""),
		"PLAINTEXT":               replaced("HMAC-SHA1", "PLAINTEXT"),
		"HMAC-SHA256":             replaced("HMAC-SHA1", "HMAC-SHA256"),
		"version 2":               replaced(`version="1.0"`, `version="2.0"`),
		"empty version":           replaced(`version="1.0"`, `version=""`),
		"no nonce":                replaced("b7c1e2", ""),
		"endless nonce":           replaced("b7c1e2", strings.Repeat("n", 256)),
		"timestamp in words":      replaced("1760000000", "now"),
		"timestamp below zero":    replaced("1760000000", "-1760000000"),
		"timestamp beyond time":   replaced("1760000000", "9223372036854775807"),
		"consumer twice":          replaced("OAuth ", `OAuth oauth_consumer_key="x", `),
		"nonce in the query too":  func(r *oauth1.Request) { r.Query = "oauth_nonce=b7c1e2" },
		"token in the body too":   func(r *oauth1.Request) { r.Form += "&oauth_token=x" },
		"open quote":              replaced(`q7uo%3D"`, "q7uo%3D"),
		"text after a quote":      replaced(`"1.0"`, `"1.0"x`),
		"name alone":              replaced("OAuth ", "OAuth x, "),
		"broken escape":           replaced("b7c1e2", "%zz"),
		"broken escape in a name": replaced("OAuth ", `OAuth %zz="1", `),
		"broken escape in a body": func(r *oauth1.Request) { r.Form = "%zz" },
		"broken escape in a query": func(r *oauth1.Request) {
			r.Query = "a=%z"
		},
		"a thousand parameters":          func(r *oauth1.Request) { r.Form = strings.Repeat("a&", 1001) },
		"a thousand parameters on top":   func(r *oauth1.Request) { r.Query = strings.Repeat("a&", 1001) },
		"a thousand parameters in front": replaced("OAuth ", "OAuth "+strings.Repeat("a=1,", 1001)),
		"another server's address":       func(r *oauth1.Request) { r.Base = "vault" },
	} {
		r := base
		if attack(&r); verifies(r) {
			t.Errorf("%s: %+v is taken, want it refused", name, r)
		}
		if _, err := oauth1.Parse(r); errors.Is(err, oauth1.ErrUnsigned) {
			t.Errorf("%s: Parse = %v, want another error", name, err)
		}
	}
}

func replaced(from, to string) func(*oauth1.Request) {
	return func(r *oauth1.Request) { r.Authorization = strings.Replace(r.Authorization, from, to, 1) }
}

func TestUnsigned(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]oauth1.Request{
		"nothing":                 {Method: "GET", Base: "https://a.test", Path: "/"},
		"another scheme":          {Method: "GET", Base: "https://a.test", Path: "/", Authorization: "Bearer x"},
		"a scheme that begins so": {Method: "GET", Base: "https://a.test", Path: "/", Authorization: "OAuth2 x"},
		"signed in the body":      {Method: "POST", Base: "https://a.test", Path: "/", Form: vectors()["in the query"].Query},
	} {
		if s, err := oauth1.Parse(r); !errors.Is(err, oauth1.ErrUnsigned) {
			t.Errorf("%s: Parse = %+v, %v, want ErrUnsigned", name, s, err)
		}
	}
	if _, err := oauth1.Parse(oauth1.Request{Base: "https://a.test", Authorization: "OAuth"}); err == nil || errors.Is(err, oauth1.ErrUnsigned) {
		t.Errorf("Parse of a header with nothing in it = %v, want what is missing", err)
	}
}

func TestFresh(t *testing.T) {
	t.Parallel()
	s, err := oauth1.Parse(vectors()["get"])
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{
		0: true, 5 * time.Minute: true, -5 * time.Minute: true,
		5*time.Minute + time.Second: false, -5*time.Minute - time.Second: false, 1 << 62: false,
	} {
		if got := s.Fresh(time.Unix(1760000000, 0).Add(after), 5*time.Minute); got != want {
			t.Errorf("Fresh %v later = %v, want %v", after, got, want)
		}
	}
}

func TestNonceKeyKeepsPartsApart(t *testing.T) {
	t.Parallel()
	keys := map[[32]byte]string{}
	for _, s := range []oauth1.Signed{
		{ConsumerKey: "a", Token: "b", Nonce: "c"}, {ConsumerKey: "a&b", Nonce: "c"}, {ConsumerKey: "a", Token: "b&c"},
		{ConsumerKey: "a", Nonce: "b&c"}, {ConsumerKey: "ab", Nonce: "c"}, {ConsumerKey: "a%26b", Nonce: "c"},
	} {
		name := s.ConsumerKey + " " + s.Token + " " + s.Nonce
		if other, taken := keys[s.NonceKey()]; taken {
			t.Errorf("NonceKey of %q and %q are one", name, other)
		}
		keys[s.NonceKey()] = name
	}
}

// request is what a server sees of a request that came to it.
func request(r *http.Request, base, form string) oauth1.Request {
	return oauth1.Request{
		Method: r.Method, Base: base, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Authorization: r.Header.Get("Authorization"), Form: form,
	}
}

// newServer passes each request that comes in, and its form, to the channel.
func newServer(t *testing.T, into chan<- oauth1.Request) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { into <- request(r, s.URL, formOf(r)) })
	s.Start()
	t.Cleanup(s.Close)
	return s
}
