package config

import (
	"fmt"
	"io"
	"os"
	"strings"

	"keyrack/internal/vault"
	"keyrack/internal/yamlfile"
)

// Flags are values given on the command line; empty means not given.
type Flags struct {
	DataDir     string
	HTTPAddr    string
	SSHAddr     string
	DatabaseURL string
	PublicURL   string
}

// overrides are the keys that the environment and flags may set.
var overrides = []struct {
	path, env, flag string
	given           func(Flags) string
	set             func(*Config, string)
}{
	{
		"data_dir", "KEYRACK_DATA_DIR", "--data-dir",
		func(f Flags) string { return f.DataDir }, func(c *Config, v string) { c.DataDir = v },
	},
	{
		"http_addr", "KEYRACK_HTTP_ADDR", "--http-addr",
		func(f Flags) string { return f.HTTPAddr }, func(c *Config, v string) { c.HTTPAddr = v },
	},
	{
		"ssh_addr", "KEYRACK_SSH_ADDR", "--ssh-addr",
		func(f Flags) string { return f.SSHAddr }, func(c *Config, v string) { c.SSHAddr = v },
	},
	{
		"public_url", "KEYRACK_PUBLIC_URL", "--public-url",
		func(f Flags) string { return f.PublicURL }, func(c *Config, v string) { c.PublicURL = v },
	},
	{
		"database_url", "KEYRACK_DATABASE_URL", "--database-url",
		func(f Flags) string { return f.DatabaseURL }, func(c *Config, v string) { c.DatabaseURL = vault.NewSecret(v) },
	},
}

// databaseURLFileEnv names a file, because a URL may hold a password and
// processes pass their environment on.
const databaseURLFileEnv = "KEYRACK_DATABASE_URL_FILE"

// Load reads the configuration from the file at path (empty: none), the
// environment and the flags. An error that is a [*yamlfile.Error] holds all
// that is wrong, each with its place.
func Load(path string, env func(string) string, flags Flags) (Config, error) {
	data, err := readFile(path)
	if err != nil {
		return Config{}, err
	}
	return load(path, data, env, flags)
}

func load(path string, data []byte, env func(string) string, flags Flags) (Config, error) {
	l := loader{config: Default(), from: map[string]string{}}
	l.file = yamlfile.Decode(path, data, &l.config)
	l.resolvePaths()
	l.override(env, flags)
	l.readDatabaseURL(env)
	foreman := &l.config.Faces.Foreman
	foreman.OAuthConsumerSecret = l.file.Secret("faces.foreman.oauth_consumer_secret", foreman.OAuthConsumerSecret, foreman.OAuthConsumerSecretFile)
	l.config.fill()
	for _, p := range l.config.Validate() {
		l.problem(p.Path, p.Msg)
	}
	l.config.Warnings = append(l.config.Warnings, l.file.Warnings()...)
	return l.config, yamlfile.NewError(append(l.problems, l.file.Problems()...), nil)
}

// maxFile is far above what a configuration needs.
const maxFile = 1 << 20

func readFile(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w", err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("read configuration: %s has more than %d bytes, so it is something else", path, maxFile)
	}
	return data, nil
}

// loader is one Load.
type loader struct {
	config   Config
	file     *yamlfile.File
	from     map[string]string  // variable or flag that set a key
	problems []yamlfile.Problem // outside the file
}

// resolvePaths lets the paths in the file begin where the file is.
func (l *loader) resolvePaths() {
	c := &l.config
	paths := map[string]*string{
		"data_dir": &c.DataDir, "master_key_file": &c.MasterKeyFile, "keyset_file": &c.KeysetFile,
		"kms.token_file": &c.KMS.TokenFile, "kms.ca_file": &c.KMS.CAFile,
	}
	for key, path := range paths {
		if l.file.Has(key) && *path != "" {
			*path = l.file.Resolve(*path)
		}
	}
	for i, path := range c.SSH.HostKeys {
		if path != "" {
			c.SSH.HostKeys[i] = l.file.Resolve(path)
		}
	}
}

// override sets what the environment or, before it, a flag gives.
func (l *loader) override(env func(string) string, flags Flags) {
	for _, o := range overrides {
		if v := env(o.env); v != "" {
			o.set(&l.config, v)
			l.from[o.path] = o.env
		}
		if v := o.given(flags); v != "" {
			o.set(&l.config, v)
			l.from[o.path] = o.flag
		}
	}
}

// readDatabaseURL reads the database's URL where it is in a file. The flag
// beats both variables, and these what the configuration file says.
func (l *loader) readDatabaseURL(env func(string) string) {
	path := env(databaseURLFileEnv)
	from := l.from["database_url"]
	switch {
	case path != "" && strings.HasPrefix(from, "KEYRACK_"):
		l.problems = append(l.problems, yamlfile.Problem{Where: databaseURLFileEnv, Msg: "is given beside " + from + "; give one of them"})
	case from != "":
	case path != "":
		l.readDatabaseURLFile(path)
	default:
		l.config.DatabaseURL = l.file.Secret("database_url", l.config.DatabaseURL, l.config.DatabaseURLFile)
	}
}

func (l *loader) readDatabaseURLFile(path string) {
	url, warning, err := yamlfile.ReadSecret(path)
	l.config.DatabaseURL = url
	l.from["database_url"] = databaseURLFileEnv
	if err != nil {
		l.problem("database_url", err.Error())
	}
	if warning != "" {
		l.config.Warnings = append(l.config.Warnings, yamlfile.Problem{Where: databaseURLFileEnv, Msg: warning})
	}
}

// problem notes what is wrong with a key where its value came from.
func (l *loader) problem(path, msg string) {
	if from := l.from[path]; from != "" {
		l.problems = append(l.problems, yamlfile.Problem{Where: from, Msg: msg})
		return
	}
	l.file.Problemf(path, "%s", msg)
}
