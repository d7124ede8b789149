package oauth1

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Request is what a signature covers.
type Request struct {
	Method        string
	Base          string // scheme and authority that the client asked, as "https://vault.example.org:8443"
	Path          string // exactly as sent, percent-encoding and all
	Query         string // exactly as sent, without ?
	Authorization string // the header, of whatever scheme
	Form          string // the body if it is application/x-www-form-urlencoded, else empty
}

// Signed is a request that says it was signed, taken apart and not verified.
type Signed struct {
	ConsumerKey string
	Token       string // empty: signed with the consumer's secret alone
	Nonce       string
	Timestamp   time.Time

	signature string
	base      string // the signature base string, RFC 5849, 3.4.1
}

// ErrUnsigned is the error of a request that carries no OAuth parameters.
var ErrUnsigned = errors.New("the request is not signed")

const (
	maxNonce  = 255  // characters; longer ones need not be remembered
	maxParams = 1000 // of query and body together
)

// The protocol parameters of RFC 5849, 3.1.
const (
	paramConsumer  = "oauth_consumer_key"
	paramToken     = "oauth_token" //nolint:gosec // a name
	paramMethod    = "oauth_signature_method"
	paramSignature = "oauth_signature"
	paramTimestamp = "oauth_timestamp"
	paramNonce     = "oauth_nonce"
	paramVersion   = "oauth_version"
)

type param struct{ name, value string }

// Parse takes a request apart. Its error is [ErrUnsigned] where there is no
// signature to speak of, else says what is wrong with it, for the log: to the
// client all of that is one invalid signature.
func Parse(r Request) (Signed, error) {
	header, isOAuth, err := parseHeader(r.Authorization)
	if err != nil {
		return Signed{}, err
	}
	query, err := parseForm(r.Query)
	if err != nil {
		return Signed{}, fmt.Errorf("query: %w", err)
	}
	protocol := header
	if !isOAuth {
		protocol = query
	}
	if !isOAuth && !signs(protocol) {
		return Signed{}, ErrUnsigned
	}
	form, err := parseForm(r.Form)
	if err != nil {
		return Signed{}, fmt.Errorf("body: %w", err)
	}
	all := append(append(header, query...), form...)
	s, err := read(protocol, all)
	if err != nil {
		return Signed{}, err
	}
	s.base, err = baseString(r, all)
	return s, err
}

// signs tells whether the parameters of a query make it a signed request.
func signs(params []param) bool {
	for _, p := range params {
		if p.name == paramConsumer || p.name == paramSignature {
			return true
		}
	}
	return false
}

// read finds the protocol parameters among those of the place they are sent
// in. One that stands twice, wherever, is refused: of two values the one that
// is checked might not be the one that is believed.
func read(protocol, all []param) (Signed, error) {
	of := map[string]string{}
	for _, p := range protocol {
		of[p.name] = p.value
	}
	seen := map[string]bool{}
	for _, p := range all {
		if isProtocol(p.name) && seen[p.name] {
			return Signed{}, fmt.Errorf("%s stands twice", p.name)
		}
		seen[p.name] = true
	}
	for _, name := range []string{paramConsumer, paramSignature, paramTimestamp, paramNonce} {
		if of[name] == "" {
			return Signed{}, fmt.Errorf("%s is missing", name)
		}
	}
	return signedOf(of)
}

func isProtocol(name string) bool {
	switch name {
	case paramConsumer, paramToken, paramMethod, paramSignature, paramTimestamp, paramNonce, paramVersion:
		return true
	}
	return false
}

func signedOf(of map[string]string) (Signed, error) {
	if of[paramMethod] != "HMAC-SHA1" {
		return Signed{}, fmt.Errorf("the signature method is not HMAC-SHA1")
	}
	if version, ok := of[paramVersion]; ok && version != "1.0" {
		return Signed{}, fmt.Errorf("the version is not 1.0")
	}
	if len(of[paramNonce]) > maxNonce {
		return Signed{}, fmt.Errorf("the nonce has more than %d characters", maxNonce)
	}
	at, err := parseTimestamp(of[paramTimestamp])
	return Signed{
		ConsumerKey: of[paramConsumer], Token: of[paramToken], Nonce: of[paramNonce], Timestamp: at,
		signature: of[paramSignature],
	}, err
}

// parseTimestamp reads seconds since 1970. Twelve digits last for 30,000 years.
func parseTimestamp(text string) (time.Time, error) {
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) > 12 {
		return time.Time{}, fmt.Errorf("the timestamp is no number of seconds")
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// parseHeader reads an Authorization header (RFC 5849, 3.5.1), and tells
// whether it is one of OAuth 1.0 at all.
func parseHeader(header string) (params []param, isOAuth bool, err error) {
	scheme, rest, _ := strings.Cut(strings.TrimLeft(header, " \t"), " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, false, nil
	}
	for {
		rest = strings.TrimLeft(rest, ", \t")
		if rest == "" {
			return params, true, nil
		}
		var p param
		if p, rest, err = parsePair(rest); err != nil {
			return nil, true, err
		}
		if !strings.EqualFold(p.name, "realm") {
			params = append(params, p)
		}
		if len(params) > maxParams {
			return nil, true, errTooMany
		}
	}
}

var errTooMany = fmt.Errorf("more than %d parameters", maxParams)

// parsePair reads name="value" from the front of text.
func parsePair(text string) (p param, rest string, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return p, "", fmt.Errorf("a parameter of the header has no value")
	}
	value, rest, err := parseValue(strings.TrimLeft(rest, " \t"))
	if err != nil {
		return p, "", err
	}
	if p.name, err = url.PathUnescape(strings.TrimRight(name, " \t")); err != nil {
		return p, "", errEncoding
	}
	if strings.EqualFold(p.name, "realm") {
		return p, rest, nil // is no parameter, and not percent-encoded
	}
	if p.value, err = url.PathUnescape(value); err != nil {
		return p, "", errEncoding
	}
	return p, rest, nil
}

// errEncoding does not quote what it is about: that may be a secret.
var errEncoding = errors.New("a percent-encoding that cannot be read")

// parseValue reads a value, in quotes or up to the next comma.
func parseValue(text string) (value, rest string, err error) {
	quoted, ok := strings.CutPrefix(text, `"`)
	if !ok {
		value, rest, _ = strings.Cut(text, ",")
		return strings.TrimRight(value, " \t"), rest, nil
	}
	if value, rest, ok = strings.Cut(quoted, `"`); !ok {
		return "", "", fmt.Errorf("a value of the header has no closing quote")
	}
	if rest = strings.TrimLeft(rest, " \t"); rest != "" && rest[0] != ',' {
		return "", "", fmt.Errorf("a value of the header goes on after its closing quote")
	}
	return value, rest, nil
}

// parseForm reads name=value pairs between ampersands. Unlike net/url it takes
// a semicolon for a character, as those who sign do.
func parseForm(text string) ([]param, error) {
	var params []param
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return nil, errEncoding
		}
		if params = append(params, param{name, value}); len(params) > maxParams {
			return nil, errTooMany
		}
	}
	return params, nil
}
