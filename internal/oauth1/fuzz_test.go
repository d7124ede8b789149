package oauth1_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	signer "github.com/dghubble/oauth1"

	"keyrack/internal/oauth1"
)

// needSeeds fails a fuzz target whose committed seeds have gone, which else
// would pass without having tried anything.
func needSeeds(f *testing.F) {
	f.Helper()
	if seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name())); err != nil || len(seeds) == 0 {
		f.Fatalf("seeds of %s: %d, %v, want some", f.Name(), len(seeds), err)
	}
}

// Whatever header is sent: an error shows nothing of it, and what is read of it
// reads the same when it is written as the RFC has it.
func FuzzHeader(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, header string) {
		r := oauth1.Request{Method: "GET", Base: "https://a.test", Path: "/", Authorization: header}
		s, err := oauth1.Parse(r)
		if err != nil {
			if !errors.Is(err, oauth1.ErrUnsigned) && s != (oauth1.Signed{}) {
				t.Errorf("Parse(%q) = %+v, %v, want nothing beside an error", header, s, err)
			}
			return
		}
		if s.Verify("no secret", "no secret") {
			t.Errorf("Parse(%q) verifies, want a signature that nobody made refused", header)
		}
		r.Authorization = fmt.Sprintf(`OAuth oauth_consumer_key="%s", oauth_token="%s", oauth_signature_method="HMAC-SHA1", oauth_timestamp="%d", oauth_nonce="%s", oauth_signature="x"`,
			signer.PercentEncode(s.ConsumerKey), signer.PercentEncode(s.Token), s.Timestamp.Unix(), signer.PercentEncode(s.Nonce))
		again, err := oauth1.Parse(r)
		if err != nil || again.NonceKey() != s.NonceKey() || !again.Timestamp.Equal(s.Timestamp) {
			t.Errorf("Parse(%q) = %+v, but written again %+v, %v", header, s, again, err)
		}
	})
}

// Whatever is asked and signed by a stock library verifies, and does not once
// a character more is asked.
func FuzzForm(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, query, form string) {
		values, errQuery := url.ParseQuery(query)
		fields, errForm := url.ParseQuery(form)
		if errQuery != nil || errForm != nil || len(values)+len(fields) > 500 || strings.Contains(query+form, "oauth_") {
			return // no client sends it, or net/url reads it differently
		}
		r := oauth1.Request{Method: "POST", Base: "https://a.test", Path: "/x", Query: query, Form: form}
		r.Authorization = signed(r, values, fields)
		s, err := oauth1.Parse(r)
		if err != nil || !s.Verify("cs", "ts") {
			t.Fatalf("Parse(%+v) = %+v, %v, want a signature that holds", r, s, err)
		}
		r.Form += "&x"
		if s, err := oauth1.Parse(r); err == nil && s.Verify("cs", "ts") {
			t.Errorf("Parse(%+v) verifies, want the added parameter to be noticed", r)
		}
	})
}

// signed writes a header for the request with the signer's own parts, as the
// library itself cannot be given a timestamp.
func signed(r oauth1.Request, lists ...url.Values) string {
	var pairs []string
	lists = append(lists, url.Values{
		"oauth_consumer_key": {"ck"}, "oauth_token": {"tk"}, "oauth_signature_method": {"HMAC-SHA1"},
		"oauth_timestamp": {"1760000000"}, "oauth_nonce": {"n"},
	})
	for _, list := range lists {
		for name, values := range list {
			for _, value := range values {
				pairs = append(pairs, signer.PercentEncode(name)+"\x00"+signer.PercentEncode(value))
			}
		}
	}
	base := r.Method + "&" + signer.PercentEncode(r.Base+r.Path) + "&" + signer.PercentEncode(joined(pairs))
	signature, err := (&signer.HMACSigner{ConsumerSecret: "cs"}).Sign("ts", base)
	if err != nil {
		panic(err) // HMAC never fails
	}
	return `OAuth oauth_consumer_key="ck", oauth_token="tk", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1760000000", oauth_nonce="n", oauth_signature="` +
		signer.PercentEncode(signature) + `"`
}

// joined sorts pairs and joins them. The separator sorts before every
// character, so that a name comes before those it begins.
func joined(pairs []string) string {
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}
