// Package transit lets a key of the transit engine of OpenBao or HashiCorp
// Vault serve as a Tink AEAD: it is the client of a key management service that
// the vault's master key may lie in.
//
// It speaks the engine's documented HTTP API, two calls of it: encrypt and
// decrypt, with associated data. All cryptography is that server's; the key
// never leaves it. The package knows nothing of what is wrapped.
package transit

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// Options say how the server is reached.
type Options struct {
	// TokenFile holds the token to send. It is read for each request, for
	// whoever renews the token. Empty: none is sent, as to an agent that adds
	// its own.
	TokenFile string
	// CAFile holds the certificates, in PEM, of who may vouch for the server.
	// Empty: those that the system trusts.
	CAFile string
	// Namespace is the server's namespace that the engine is mounted in.
	Namespace string
	// Timeout bounds one request, connecting included. It must not be 0.
	Timeout time.Duration
}

// Client gives the keys of any server by their URIs. It implements Tink's
// registry.KMSClient.
type Client struct{ options Options }

// New makes a client. Nothing is read or asked before a key is used.
func New(o Options) Client { return Client{options: o} }

// Schemes of key URIs. The first is the one that Tink's other clients know. The
// second is for an agent on the same machine alone.
const (
	scheme      = "hcvault"
	plainScheme = "hcvault+http"
)

// Supported says whether a URI is of this package's kind.
func (Client) Supported(uri string) bool {
	return strings.HasPrefix(uri, scheme+"://") || strings.HasPrefix(uri, plainScheme+"://")
}

// GetAEAD gives the key that a URI names. That there is one shows when it is
// used.
func (c Client) GetAEAD(uri string) (tink.AEAD, error) {
	a, err := parse(uri)
	if err != nil {
		return nil, err
	}
	client, err := c.options.client()
	if err != nil {
		return nil, err
	}
	return &key{address: a, options: c.options, client: client}, nil
}

// CheckURI says what is wrong with a key's URI.
func CheckURI(uri string) error {
	_, err := parse(uri)
	return err
}

// address is where a key is.
type address struct {
	server string // scheme and host
	mount  string // path of the engine
	name   string // of the key
}

var (
	errForm     = errors.New("must be hcvault://HOST[:PORT]/MOUNT/keys/NAME")
	errNotLocal = errors.New("hcvault+http:// goes to 127.0.0.1, [::1] or localhost alone: an agent on this machine")

	// keyPath leaves nothing to be escaped, nor a step upwards.
	keyPath = regexp.MustCompile(`^/(\w[\w.-]*(?:/\w[\w.-]*)*)/keys/(\w[\w.-]*)$`)
)

func parse(uri string) (address, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Hostname() == "" || uri != u.Scheme+"://"+u.Host+u.Path {
		return address{}, errForm // and not err, which repeats what it was given
	}
	path := keyPath.FindStringSubmatch(u.Path)
	if path == nil {
		return address{}, errForm
	}
	a := address{server: "https://" + u.Host, mount: path[1], name: path[2]}
	switch u.Scheme {
	case scheme:
		return a, nil
	case plainScheme:
		a.server = "http://" + u.Host
		if host := u.Hostname(); host != "127.0.0.1" && host != "::1" && host != "localhost" {
			return address{}, errNotLocal
		}
		return a, nil
	}
	return address{}, errForm
}

func (a address) url(operation string) string {
	return a.server + "/v1/" + a.mount + "/" + operation + "/" + a.name
}

func (o Options) client() (*http.Client, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", o.CAFile)
		}
	}
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token is for one server
		Transport:     &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true, ForceAttemptHTTP2: true},
	}, nil
}

const (
	maxReply = 1 << 20 // bytes, far above a wrapped key set
	maxToken = 16 << 10
	maxTold  = 300 // bytes of what the server complains of
)

// token reads the token to send.
func (o Options) token() (string, error) {
	if o.TokenFile == "" {
		return "", nil
	}
	f, err := os.Open(o.TokenFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return "", err
	}
	token := string(bytes.TrimSpace(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s holds no token", o.TokenFile)
	}
	return token, nil
}

// ask sends one request and reads its reply.
func (k *key) ask(operation string, in request) (reply, error) {
	r, err := k.request(operation, in)
	if err != nil {
		return reply{}, err
	}
	res, err := k.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return reply{}, fmt.Errorf("read reply of %s: %w", k.server, err)
	}
	return k.read(res, text)
}

func (k *key) request(operation string, in request) (*http.Request, error) {
	token, err := k.options.token()
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, k.url(operation), bytes.NewReader(body)) //nolint:noctx // a Tink AEAD has none; the client's timeout holds
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Vault-Request", "true") // agents may insist on it
	if token != "" {
		r.Header.Set("X-Vault-Token", token)
	}
	if k.options.Namespace != "" {
		r.Header.Set("X-Vault-Namespace", k.options.Namespace)
	}
	return r, nil
}

func (k *key) read(res *http.Response, text []byte) (reply, error) {
	var out reply
	err := json.Unmarshal(text, &out)
	switch {
	case res.StatusCode == http.StatusOK && err == nil:
		return out, nil
	case res.StatusCode == http.StatusOK:
		return reply{}, fmt.Errorf("%s sent a reply that is none of a transit engine", k.server)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return reply{}, fmt.Errorf("%s sends on to another server, %.300q; name that one", k.server, res.Header.Get("Location"))
	}
	return reply{}, &refusal{server: k.server, status: res.StatusCode, told: out.Errors}
}

// refusal is the server's no.
type refusal struct {
	server string
	status int
	told   []string // may be empty
}

func (r *refusal) Error() string {
	told := strings.Join(r.told, "; ")
	if told == "" {
		told = http.StatusText(r.status)
	}
	return fmt.Sprintf("%s answers %d: %.*s", r.server, r.status, maxTold, strings.Join(strings.Fields(told), " "))
}
