package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keyrack/internal/config"
	"keyrack/internal/core"
	"keyrack/internal/sshd"
)

// firstStepsFile holds the credentials of the first start until its reader
// deletes it.
const firstStepsFile = "first-steps.txt"

func firstStepsPath(c config.Config) string { return filepath.Join(c.DataDir, firstStepsFile) }

// keepFirstSteps writes the credentials of a first start to a file that only
// its owner can read.
func keepFirstSteps(c config.Config, s core.FirstSteps) error {
	text := fmt.Sprintf("admin login:    %s\nadmin password: %s\nproject:        %s\nAPI key:        %s\n",
		s.Login, s.Password.Reveal(), s.Project, s.APIKey.Reveal())
	return writeFile(firstStepsPath(c), []byte(text), 0o600)
}

// welcome tells a new user what to type next.
type welcome struct {
	config       config.Config
	program      string // how it was called
	fingerprints []sshd.Fingerprint
}

// text is the welcome. Credentials are in it as long as the file of the first
// start is there.
func (x welcome) text() (string, error) {
	kept, err := os.ReadFile(firstStepsPath(x.config))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read credentials of the first start: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nKeyrack is running.\n\n  HTTP  %s\n  SSH   %s\n", x.config.PublicURL, x.config.PublicSSH)
	for _, f := range x.fingerprints {
		fmt.Fprintf(&b, "        host key %s %s\n", f.SHA256, f.Algorithm)
	}
	key := "YOUR_API_KEY"
	if kept != nil {
		key = apiKeyOf(string(kept))
		fmt.Fprintf(&b, "\nMade at the first start, kept in %s (read it, then delete it):\n\n%s", firstStepsPath(x.config), indent(string(kept)))
	} else {
		fmt.Fprintf(&b, "\nFor an API key: %s apikey add first ci --data-dir %s\n", x.program, x.config.DataDir)
	}
	b.WriteString(x.tryIt(key))
	return b.String(), nil
}

// tryIt is the shortest way from nothing to a collected key.
func (x welcome) tryIt(key string) string {
	return fmt.Sprintf(`
Collect a key. First open a session:

  ID=$(curl -s %s/api/v1/ssh/collect/sessions/ -H 'x-api-key: %s' \
      -H 'content-type: application/json' -d '{"multi_key": true, "external_id": "admin"}' \
      | sed 's/.*"connection_identifier":"\([a-z0-9]*\)".*/\1/')

then connect to it with the ssh you have:

  %s

and see what came in:

  curl -s %s/api/v1/ssh/collect/sessions/ -H 'x-api-key: %s'
  %s key list --data-dir %s

`, x.config.PublicURL, key, SSHCommand("$ID", x.config.PublicSSH), x.config.PublicURL, key, x.program, x.config.DataDir)
}

func apiKeyOf(kept string) string {
	_, key, _ := strings.Cut(kept, "API key:")
	return strings.TrimSpace(key)
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
