package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrack/internal/vault"
	"keyrack/internal/yamlfile"
)

// equal compares configurations, secrets and all.
var equal = cmp.Options{
	cmp.Comparer(func(a, b vault.Secret) bool { return a.Reveal() == b.Reveal() }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func noEnv(string) string { return "" }

func envOf(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// write makes a file that only its owner reads, and gives its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := Load("", noEnv, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		DataDir: "keyrack-data", HTTPAddr: ":8080", SSHAddr: ":2222",
		SSH: SSH{LoginGrace: 2 * time.Minute, MaxConnections: 200, PerSource: 20, PerMinute: 600},
		Faces: Faces{
			SSHVerify: SSHVerify{Enabled: true, RequestsPerMinute: 600},
			Raidboxes: Raidboxes{Enabled: true, LoginsPerMinute: 10, CreatesPerMinute: 20, RequestsPerMinute: 100},
			Foreman:   Foreman{Enabled: true, Version: "3.13.0", SessionIdle: time.Hour, LoginFailures: 30, OAuthMapUsers: true},
			Waldur:    Waldur{Enabled: true}, Senhasegura: Senhasegura{Enabled: true},
		},
		Log:           Log{Level: slog.LevelInfo, Format: "text"},
		ShutdownGrace: 20 * time.Second,
		MasterKeyFile: "keyrack-data/master.key", KeysetFile: "keyrack-data/keyset.json",
		KMS: KMS{Timeout: 10 * time.Second},
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("Load without anything (-want +got):\n%s", diff)
	}
}

// The example is read as a file in the working directory, so that its paths
// stay as they are.
func TestExampleSaysTheDefaults(t *testing.T) {
	t.Parallel()
	want, err := Load("", noEnv, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load("example.yaml", noEnv, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("Load(example.yaml) is not the default (-want +got):\n%s", diff)
	}
	if text, err := os.ReadFile("example.yaml"); err != nil || string(text) != Example() {
		t.Errorf("Example() is not example.yaml (%v)", err)
	}
}

// Whoever removes the # before a key must get something that is read.
func TestExampleIsRightInItsComments(t *testing.T) {
	t.Parallel()
	lines := strings.Split(Example(), "\n")
	for i, line := range lines {
		before, key, ok := strings.Cut(line, "# ")
		if name, _, isKey := strings.Cut(key, ": "); !ok || !isKey || strings.Contains(name, " ") {
			continue
		}
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			text := strings.Join(lines[:i], "\n") + "\n" + before + key + "\n" + strings.Join(lines[i+1:], "\n")
			path := write(t, "keyrack.yaml", text)
			for name, secret := range map[string]string{
				"database-url": "postgres://db.example.org/keyrack\n", "oauth-secret": "a-long-random-text-in-a-file\n",
			} {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(secret), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Load(path, noEnv, Flags{})
			if err != nil {
				t.Fatalf("Load with %q: %v", key, err)
			}
			if without, err := Load(write(t, "keyrack.yaml", Example()), noEnv, Flags{}); err != nil || cmp.Equal(got, without, equal) {
				t.Errorf("%q changes nothing (%v)", key, err)
			}
		})
	}
}

// everyKey sets every key to something else than its default.
const everyKey = `data_dir: data
http_addr: "[::1]:0"
ssh_addr: 127.0.0.1:2200
metrics_addr: localhost:9090
database_url: postgres://keyrack:hunter2@db1,db2:5432/keyrack
public_url: https://keys.example.org:8443/
public_ssh: "[fd00::5]:22"
ssh:
  host_keys: [a, /b]
  notice: Mind the gap.
  login_grace: 2m
  max_connections: 5
  per_source: 5
  per_minute: 60
  exempt: [192.0.2.0/24]
  proxy_from: [10.0.0.5/32, fd00::/8]
http: {trusted_proxies: [10.0.0.0/8]}
faces:
  sshverify: {enabled: no, host: verify.example.org, requests_per_minute: 1, expired_as_pending: true}
  raidboxes: {enabled: no, host: r, logins_per_minute: 2, creates_per_minute: 3, requests_per_minute: 4}
  waldur: {enabled: no, host: w, cors_origins: ["https://p.example.org"]}
  foreman: {enabled: no, host: f, version: 3.12.0, session_idle: 1m, login_failures: 0, oauth_consumer_key: k, oauth_consumer_secret: 0123456789abcdef012345, oauth_map_users: no}
  senhasegura: {enabled: no, host: s}
log: {level: debug, format: json}
shutdown_grace: 0s
master_key_file: m
kms: {token_file: t, ca_file: /ca, namespace: n, timeout: 2s}
keyset_file: /k
`

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	want := Config{
		DataDir: "/etc/keyrack/data", HTTPAddr: "[::1]:0", SSHAddr: "127.0.0.1:2200", MetricsAddr: "localhost:9090",
		DatabaseURL: vault.NewSecret("postgres://keyrack:hunter2@db1,db2:5432/keyrack"),
		PublicURL:   "https://keys.example.org:8443", PublicSSH: "[fd00::5]:22",
		SSH: SSH{
			HostKeys: []string{"/etc/keyrack/a", "/b"}, Notice: "Mind the gap.", LoginGrace: 2 * time.Minute, MaxConnections: 5, PerSource: 5, PerMinute: 60,
			Exempt:    []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("fd00::/8")},
		},
		HTTP: HTTP{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Faces: Faces{
			SSHVerify: SSHVerify{Host: "verify.example.org", RequestsPerMinute: 1, ExpiredAsPending: true},
			Raidboxes: Raidboxes{Host: "r", LoginsPerMinute: 2, CreatesPerMinute: 3, RequestsPerMinute: 4},
			Waldur:    Waldur{Host: "w", CORSOrigins: []string{"https://p.example.org"}}, Senhasegura: Senhasegura{Host: "s"},
			Foreman: Foreman{
				Host: "f", Version: "3.12.0", SessionIdle: time.Minute, OAuthConsumerKey: "k",
				OAuthConsumerSecret: vault.NewSecret("0123456789abcdef012345"),
			},
		},
		Log:           Log{Level: slog.LevelDebug, Format: "json"},
		MasterKeyFile: "/etc/keyrack/m", KeysetFile: "/k",
		KMS: KMS{TokenFile: "/etc/keyrack/t", CAFile: "/ca", Namespace: "n", Timeout: 2 * time.Second},
	}
	got, err := load("/etc/keyrack/keyrack.yaml", []byte(everyKey), noEnv, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("load(%q) (-want +got):\n%s", everyKey, diff)
	}
}

func TestMasterKeyInAService(t *testing.T) {
	t.Parallel()
	const uri = "hcvault://bao.example.org:8200/team/transit/keys/keyrack"
	got, err := load("k.yaml", []byte("master_key_uri: "+uri), noEnv, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if got.MasterKeyURI != uri || got.MasterKeyFile != "" {
		t.Errorf("load = URI %q, file %q, want the URI alone", got.MasterKeyURI, got.MasterKeyFile)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := write(t, "keyrack.yaml", `{data_dir: /file, http_addr: "file:1", ssh_addr: "file:2", public_url: "http://file", database_url: "postgres://file"}`)
	env := map[string]string{
		"KEYRACK_DATA_DIR": "env", "KEYRACK_HTTP_ADDR": "env:1", "KEYRACK_SSH_ADDR": "env:2",
		"KEYRACK_PUBLIC_URL": "http://env", "KEYRACK_DATABASE_URL": "postgres://env",
	}
	flags := Flags{DataDir: "flag", HTTPAddr: "flag:1", SSHAddr: "flag:2", PublicURL: "http://flag", DatabaseURL: "postgres://flag"}
	tests := []struct {
		name, file string
		env        map[string]string
		flags      Flags
		want       string
	}{
		{"defaults", "", nil, Flags{}, "keyrack-data :8080 :2222  "},
		{"file", file, nil, Flags{}, "/file file:1 file:2 http://file postgres://file"},
		{"environment", file, env, Flags{}, "env env:1 env:2 http://env postgres://env"},
		{"flags", file, env, flags, "flag flag:1 flag:2 http://flag postgres://flag"},
		{"flags alone", "", nil, flags, "flag flag:1 flag:2 http://flag postgres://flag"},
		{"one of each", file, map[string]string{"KEYRACK_SSH_ADDR": "env:2"}, Flags{DataDir: "flag"}, "flag file:1 env:2 http://file postgres://file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Load(tt.file, envOf(tt.env), tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join([]string{c.DataDir, c.HTTPAddr, c.SSHAddr, c.PublicURL, c.DatabaseURL.Reveal()}, " ")
			if got != tt.want {
				t.Errorf("Load = %q, want %q", got, tt.want)
			}
			if want := filepath.Join(c.DataDir, "master.key"); c.MasterKeyFile != want {
				t.Errorf("MasterKeyFile = %q, want %q", c.MasterKeyFile, want)
			}
		})
	}
}

func TestDatabaseURLFromFile(t *testing.T) {
	t.Parallel()
	secret := write(t, "url", "postgres://from-file\n")
	byKey := write(t, "keyrack.yaml", "database_url_file: "+secret)
	inline := write(t, "keyrack.yaml", "database_url: postgres://inline")
	tests := []struct {
		name, file, urlFile, url, flag, want string
	}{
		{"key", byKey, "", "", "", "postgres://from-file"},
		{"variable", "", secret, "", "", "postgres://from-file"},
		{"variable beats the file", inline, secret, "", "", "postgres://from-file"},
		{"the other variable beats the key", byKey, "", "postgres://env", "", "postgres://env"},
		{"flag beats the variable", "", secret, "", "postgres://flag", "postgres://flag"},
		{"what is beaten is not read", write(t, "keyrack.yaml", "database_url_file: gone"), "", "", "postgres://flag", "postgres://flag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"KEYRACK_DATABASE_URL_FILE": tt.urlFile, "KEYRACK_DATABASE_URL": tt.url}
			c, err := Load(tt.file, envOf(env), Flags{DatabaseURL: tt.flag})
			if got := c.DatabaseURL.Reveal(); err != nil || got != tt.want {
				t.Errorf("Load = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestExposedDatabaseURLIsWarnedOf(t *testing.T) {
	t.Parallel()
	secret := write(t, "url", "postgres://db")
	if err := os.Chmod(secret, 0o640); err != nil {
		t.Fatal(err)
	}
	file := write(t, "keyrack.yaml", "data_dir: x\ndatabase_url_file: "+secret)
	for _, tt := range []struct {
		name, file, urlFile, want string
	}{
		{"key", file, "", file + ":2: database_url_file: "},
		{"variable", "", secret, "KEYRACK_DATABASE_URL_FILE: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Load(tt.file, envOf(map[string]string{"KEYRACK_DATABASE_URL_FILE": tt.urlFile}), Flags{})
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want + fmt.Sprintf("%q", secret) + " has mode 0640, which lets others at it; chmod it to 0600"
			if len(c.Warnings) != 1 || c.Warnings[0].String() != want {
				t.Errorf("Warnings = %v, want one: %s", c.Warnings, want)
			}
		})
	}
}

// wrong are files with one thing wrong in each.
var wrong = []struct{ content, want string }{
	{"http_adr: x", `1: unknown key "http_adr"; did you mean "http_addr"?`},
	{"\nssh: {login_grace: soon}", "2: ssh.login_grace: must be a length of time, as 90s, 12h or 30d"},
	{"ssh: {login_grace: 30}", "1: ssh.login_grace: must be a length of time, as 90s, 12h or 30d"},
	{"ssh: {login_grace: -30s}", "1: ssh.login_grace: must be a length of time, as 90s, 12h or 30d"},
	{"ssh: {login_grace: 0s}", "1: ssh.login_grace: must be from 1s to 10m0s"},
	{"shutdown_grace: 21s", "1: shutdown_grace: must be from 0s to 20s"},
	{"ssh:\n  max_connections: 0\n  per_source: 1", "2: ssh.max_connections: must be from 1 to 100000"},
	{"ssh: {per_minute: 0}", "1: ssh.per_minute: must be from 1 to 1000000"},
	{"ssh: {max_connections: 10, per_source: 11}", "1: ssh.per_source: must be from 1 to 10"},
	{"ssh: {max_connections: 0x10}", "1: ssh.max_connections: must be a whole number"},
	{"ssh: {max_connections: 010}", "1: ssh.max_connections: must be a whole number"},
	{`ssh: {max_connections: "10"}`, "1: ssh.max_connections: must be a whole number"},
	{"ssh: {max_connections: 99999999999999999999}", "1: ssh.max_connections: must be a whole number"},
	{"ssh: {host_keys: key}", "1: ssh.host_keys: must be a list"},
	{`ssh: {host_keys: [a, ""]}`, "1: ssh.host_keys[1]: must not be empty"},
	{"ssh: {proxy_from: [10.0.0.5]}", "1: ssh.proxy_from[0]: must be a network, as 10.0.0.0/8, or 10.0.0.5/32 for one address"},
	{"ssh: {notice: " + strings.Repeat("x", 4097) + "}", "1: ssh.notice: must have at most 4096 bytes"},
	{"http: {trusted_proxies: [proxy.example.org]}", "1: http.trusted_proxies[0]: must be a network, as 10.0.0.0/8, or 10.0.0.5/32 for one address"},
	{"data_dir: ''", "1: data_dir: must not be empty"},
	{"data_dir:", "1: data_dir: has no value; it must be text, or the key be left out"},
	{"http_addr: 8080", "1: http_addr: must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port"},
	{"http_addr: localhost", "1: http_addr: must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port"},
	{`http_addr: ":65536"`, "1: http_addr: must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port"},
	{`http_addr: ":http"`, "1: http_addr: must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port"},
	{"http_addr: 10.0.0:80", "1: http_addr: must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port"},
	{"http_addr: http://localhost:80", "1: http_addr: must have an IPv6 address in brackets, as [fd00::5]:8080"},
	{"ssh_addr: fd00::5:22", "1: ssh_addr: must have an IPv6 address in brackets, as [fd00::5]:8080"},
	{`ssh_addr: ":8080"`, "1: ssh_addr: must be another address than http_addr"},
	{`metrics_addr: ":8080"`, "1: metrics_addr: must be another address than http_addr"},
	{"public_url: keys.example.org", "1: public_url: must be http or https and a host without a path, as https://keys.example.org"},
	{"public_url: https://keys.example.org/keyrack", "1: public_url: must be http or https and a host without a path, as https://keys.example.org"},
	{"public_url: https://me:secret@keys.example.org", "1: public_url: must be http or https and a host without a path, as https://keys.example.org"},
	{"public_url: https://keys.example.org?x", "1: public_url: must be http or https and a host without a path, as https://keys.example.org"},
	{"public_url: javascript://keys.example.org", "1: public_url: must be http or https and a host without a path, as https://keys.example.org"},
	{`public_ssh: ":22"`, "1: public_ssh: must be a host and a port, as keys.example.org:22 or [fd00::5]:2222"},
	{`public_ssh: "-oProxyCommand=x:22"`, "1: public_ssh: must be a host and a port, as keys.example.org:22 or [fd00::5]:2222"},
	{"public_ssh: keys.example.org", "1: public_ssh: must be a host and a port, as keys.example.org:22 or [fd00::5]:2222"},
	{"master_key_uri: hcvault://h/transit/keys/k\nmaster_key_file: m", "1: master_key_uri: is given beside master_key_file; give one of them"},
	{"master_key_uri: aws-kms://arn", "1: master_key_uri: must be hcvault://HOST[:PORT]/MOUNT/keys/NAME"},
	{"master_key_uri: hcvault+http://bao.example.org/transit/keys/k", "1: master_key_uri: hcvault+http:// goes to 127.0.0.1, [::1] or localhost alone: an agent on this machine"},
	{"kms: {timeout: 0s}", "1: kms.timeout: must be from 1s to 1m0s"},
	{"database_url: mysql://keyrack:hunter2@db", "1: database_url: must be a URL that begins with postgres://; leave it out for the embedded database"},
	{"database_url: postgres://a\ndatabase_url_file: b", "2: database_url_file: is given beside database_url; give one of them"},
	{"faces: {raidboxes: {logins_per_minute: 0}}", "1: faces.raidboxes.logins_per_minute: must be from 1 to 1000000"},
	{"faces: {raidboxes: {creates_per_minute: 0}}", "1: faces.raidboxes.creates_per_minute: must be from 1 to 1000000"},
	{"faces: {raidboxes: {requests_per_minute: 0}}", "1: faces.raidboxes.requests_per_minute: must be from 1 to 1000000"},
	{"faces: {sshverify: {requests_per_minute: 0}}", "1: faces.sshverify.requests_per_minute: must be from 1 to 1000000"},
	{`faces: {sshverify: {host: "verify.example.org:443"}}`, "1: faces.sshverify.host: must be a host name without a port, as verify.example.org"},
	{`faces: {foreman: {host: a.example.org}, waldur: {host: A.example.org}}`, "1: faces.waldur.host: must be another name than faces.foreman.host"},
	{`faces: {sshverify: {enabled: "true"}}`, "1: faces.sshverify.enabled: must be true or false, without quotes"},
	{"faces: {sshverfiy: {}}", `1: faces: unknown key "sshverfiy"; did you mean "sshverify"?`},
	{"log: {level: loud}", "1: log.level: must be debug, info, warn or error"},
	{"log: {format: xml}", "1: log.format: must be text or json"},
	{"data_dir: a\ndata_dir: b", `2: key "data_dir" is given twice, first on line 1; remove one`},
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range wrong {
		t.Run(tt.content[:min(40, len(tt.content))], func(t *testing.T) {
			t.Parallel()
			_, err := load("keyrack.yaml", []byte(tt.content), noEnv, Flags{})
			if want := "keyrack.yaml:" + tt.want; err == nil || err.Error() != want {
				t.Errorf("load(%q) = %v, want %s", tt.content, err, want)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnceWithTheirPlace(t *testing.T) {
	t.Parallel()
	path := write(t, "keyrack.yaml", "http_addr: \":80\"\nlog: {format: xml}\nssh_adr: x\nshutdown_grace: 1h\n")
	env := map[string]string{"KEYRACK_SSH_ADDR": "nowhere", "KEYRACK_DATABASE_URL": "sqlite:hunter2", "KEYRACK_DATABASE_URL_FILE": "x"}
	_, err := Load(path, envOf(env), Flags{PublicURL: "ftp://x", HTTPAddr: "x"})
	const address = "must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port"
	want := []string{
		"--http-addr: " + address,
		"--public-url: must be http or https and a host without a path, as https://keys.example.org",
		path + ":2: log.format: must be text or json",
		path + `:3: unknown key "ssh_adr"; did you mean "ssh_addr"?`,
		path + ":4: shutdown_grace: must be from 0s to 20s",
		"KEYRACK_DATABASE_URL: must be a URL that begins with postgres://; leave it out for the embedded database",
		"KEYRACK_DATABASE_URL_FILE: is given beside KEYRACK_DATABASE_URL; give one of them",
		"KEYRACK_SSH_ADDR: " + address,
	}
	e, ok := errors.AsType[*yamlfile.Error](err)
	if !ok {
		t.Fatalf("Load = %v, want a *yamlfile.Error", err)
	}
	if diff := cmp.Diff(want, strings.Split(e.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestDatabaseURLIsNeverShown(t *testing.T) {
	t.Parallel()
	path := write(t, "keyrack.yaml", "database_url: postgres://keyrack:hunter2@db/x\nlog: {format: hunter}")
	c, err := Load(path, noEnv, Flags{})
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprint(err)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password shows in %s", text)
		}
	}
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		if _, err := Load(filepath.Join(dir, "none.yaml"), noEnv, Flags{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load = %v, want fs.ErrNotExist", err)
		}
	})
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		if _, err := Load(dir, noEnv, Flags{}); !errors.Is(err, syscall.EISDIR) {
			t.Errorf("Load = %v, want EISDIR", err)
		}
	})
	t.Run("disk image", func(t *testing.T) {
		t.Parallel()
		_, err := Load(write(t, "disk", strings.Repeat("x", maxFile+1)), noEnv, Flags{})
		if err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
			t.Errorf("Load = %v, want that it is too large", err)
		}
	})
	for _, path := range []string{pipe, dir} {
		t.Run("database URL file "+filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			_, err := Load("", envOf(map[string]string{"KEYRACK_DATABASE_URL_FILE": path}), Flags{})
			if want := fmt.Sprintf("KEYRACK_DATABASE_URL_FILE: read %q: not a regular file; put the value into one", path); err == nil || err.Error() != want {
				t.Errorf("Load = %v, want %s", err, want)
			}
		})
	}
}
