package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyrack/internal/core"
	"keyrack/internal/server"
	"keyrack/internal/sshkey"
)

func (a *app) authorizedKeys() *cobra.Command {
	var o hostQuery
	c := &cobra.Command{
		Use:   "authorized-keys LOGIN [FINGERPRINT]",
		Short: "Print the keys that open a login, for sshd's AuthorizedKeysCommand",
		Long: "Prints one authorized_keys line for each key of the active account LOGIN, or only\n" +
			"the key with FINGERPRINT (sshd's %f). An unknown login prints nothing and is no\n" +
			"error. With --url a running server is asked, else the store is read directly.",
		RunE: func(c *cobra.Command, args []string) error {
			o.login = args[0]
			if len(args) > 1 {
				o.fingerprint = args[1]
			}
			text, err := a.hostKeys(c.Context(), o)
			if err != nil {
				return err
			}
			_, err = io.WriteString(a.Stdout, text) // all of it or nothing
			return err
		},
	}
	c.Flags().StringVar(&o.url, "url", "", "ask the server at this URL")
	c.Flags().StringVar(&o.tokenFile, "token-file", "", "file that holds the host token (KEYRACK_TOKEN_FILE)")
	c.Flags().DurationVar(&o.timeout, "timeout", 10*time.Second, "how long to wait for the server")
	return c
}

// hostQuery is what sshd asks for.
type hostQuery struct {
	login, fingerprint string
	url, tokenFile     string
	timeout            time.Duration
}

func (a *app) hostKeys(ctx context.Context, q hostQuery) (text string, err error) {
	if q.url != "" {
		if q.tokenFile == "" {
			q.tokenFile = a.Getenv("KEYRACK_TOKEN_FILE")
		}
		return askServer(ctx, q)
	}
	var f sshkey.Fingerprint
	if q.fingerprint != "" {
		if f, err = sshkey.ParseFingerprint(q.fingerprint); err != nil {
			return "", usageError{err}
		}
	}
	err = a.local(ctx, server.Need{}, func(ctx context.Context, l *server.Local, by core.Actor) error {
		keys, err := l.Core.AuthorizedKeys(ctx, by, q.login, f)
		text = core.AuthorizedKeysText(q.login, keys)
		return err
	})
	return text, err
}

// maxAuthorizedKeys bounds what is read of an answer.
const maxAuthorizedKeys = 16 << 20

// askServer gives a complete answer or an error: an answer that was cut off
// must not open a login for some keys only.
func askServer(ctx context.Context, q hostQuery) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	request, err := q.request(ctx)
	if err != nil {
		return "", usageError{err}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the server redirects; give the address it redirects to")
	}}
	reply, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask server: %w", err)
	}
	defer func() { _ = reply.Body.Close() }() // only read
	return readAnswer(reply)
}

func (q hostQuery) request(ctx context.Context) (*http.Request, error) {
	token, err := q.token()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.address(), nil)
	if err != nil || request.URL.Host == "" || request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		return nil, fmt.Errorf("--url must be http or https and a host, as https://keys.example.org, not %q", q.url)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept-Encoding", "identity") // what is packed on the way has no length to hold it to
	return request, nil
}

func (q hostQuery) token() (string, error) {
	if q.tokenFile == "" {
		return "", errors.New("--url needs a host token: give --token-file, or KEYRACK_TOKEN_FILE; `keyrack token add LOGIN NAME --use host` makes one")
	}
	token, err := os.ReadFile(q.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read host token: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

func (q hostQuery) address() string {
	address := strings.TrimRight(q.url, "/") + "/api/keyrack/v1/authorized-keys/" + url.PathEscape(q.login)
	if q.fingerprint != "" {
		address += "?fingerprint=" + url.QueryEscape(q.fingerprint)
	}
	return address
}

func readAnswer(reply *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxAuthorizedKeys+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read answer: %w", err)
	case reply.StatusCode == http.StatusUnauthorized, reply.StatusCode == http.StatusForbidden:
		return "", core.Errorf(core.Unauthenticated, "the server refuses the host token (%s)", reply.Status)
	case reply.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the server answered %s", reply.Status)
	case !strings.HasPrefix(reply.Header.Get("Content-Type"), "text/plain"):
		return "", fmt.Errorf("the server answered with %q, not with keys; is --url a Keyrack server?", reply.Header.Get("Content-Type"))
	case reply.ContentLength != int64(len(body)):
		return "", errors.New("the answer is not complete")
	}
	return string(body), nil
}
