// Package config owns the server's configuration: the file, the environment
// and the flags, their defaults, and what is allowed. The comments on the
// fields of [Config] are the manual; docs/configuration.md and [Example] are
// made from them, and a test keeps all three alike.
//
// A flag beats the environment, that beats the file, that beats the default.
// What the values mean for each part of the program is package server's.
package config

import (
	_ "embed"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"keyrack/internal/vault"
	"keyrack/internal/yamlfile"
)

// Config is a configuration that was read and holds what the program needs.
type Config struct {
	// The directory for the embedded database, the host keys, the master key
	// and the key set. It is made at the first start, for its owner alone.
	DataDir string `yaml:"data_dir"`

	// Where HTTP is served: the faces, /livez, /readyz and /metrics. Without a
	// host it is every interface; port 0 picks a free port.
	HTTPAddr string `yaml:"http_addr"`

	// Where SSH is served.
	SSHAddr string `yaml:"ssh_addr"`

	// An address of their own for the metrics, which are then not served on
	// http_addr.
	MetricsAddr string `yaml:"metrics_addr" example:"127.0.0.1:9090"`

	// The PostgreSQL database to use instead of the embedded one. A password in
	// it is better kept in a file, see database_url_file.
	DatabaseURL vault.Secret `yaml:"database_url" example:"postgres://keyrack@db.example.org/keyrack?sslmode=verify-full"`

	// A file that holds the database URL.
	DatabaseURLFile yamlfile.Path `yaml:"database_url_file" example:"database-url"`

	// The URL at which clients reach http_addr, for links in replies; behind a
	// proxy that is the proxy's. By default the address that is listened on.
	PublicURL string `yaml:"public_url" example:"https://keys.example.org"`

	// The host and port at which people reach ssh_addr, for the ssh commands
	// they are given. By default the host of public_url with the port of
	// ssh_addr.
	PublicSSH string `yaml:"public_ssh" example:"keys.example.org:22"`

	// The SSH server.
	SSH SSH `yaml:"ssh"`

	// The HTTP server.
	HTTP HTTP `yaml:"http"`

	// The products whose interfaces are served.
	Faces Faces `yaml:"faces"`

	// The sending of events to webhooks.
	Webhooks Webhooks `yaml:"webhooks"`

	// The log, which goes to standard error.
	Log Log `yaml:"log"`

	// How long requests and connections may take to finish when the server is
	// stopped, at most 20s. Then they are cut.
	ShutdownGrace time.Duration `yaml:"shutdown_grace"`

	// The file with the master key, without which no secret in the vault can be
	// read; back it up, apart from the database. By default master.key in
	// data_dir. Given instead of master_key_uri.
	MasterKeyFile string `yaml:"master_key_file" example:"/etc/keyrack/master.key"`

	// The master key, where it is no file but lies in a key management service,
	// the transit engine of OpenBao or HashiCorp Vault. The form is
	// hcvault://HOST:PORT/MOUNT/keys/NAME, reached by https, or hcvault+http://
	// for an agent on this machine. The service is asked at each start and when
	// keys change.
	MasterKeyURI string `yaml:"master_key_uri" example:"hcvault://bao.example.org:8200/transit/keys/keyrack"`

	// How the key management service is reached.
	KMS KMS `yaml:"kms"`

	// The file with the key set, which the master key opens; back it up too. By
	// default keyset.json in data_dir.
	KeysetFile string `yaml:"keyset_file" example:"/etc/keyrack/keyset.json"`

	// Warnings are what is not wrong with the configuration, but should be known.
	Warnings []yamlfile.Problem `yaml:"-"`
}

// KMS is the service that master_key_uri leads to.
type KMS struct {
	// The file with the token to send. It is read for each request, so that an
	// agent may renew it. By default none is sent.
	TokenFile string `yaml:"token_file" example:"/run/keyrack/bao-token"`

	// The file with the certificates, in PEM, of the authorities that may vouch
	// for the service. By default those that the system trusts.
	CAFile string `yaml:"ca_file" example:"/etc/keyrack/bao-ca.pem"`

	// The namespace that the engine is in.
	Namespace string `yaml:"namespace" example:"platform/keys"`

	// How long one request may take.
	Timeout time.Duration `yaml:"timeout"`
}

// SSH is the SSH server.
type SSH struct {
	// The files with the host keys, in OpenSSH's format. Servers on one
	// database need the same ones. By default two are made in data_dir, of the
	// types ssh-ed25519 and ssh-rsa. Of several keys of one type, the first is
	// in use, and clients are told of the others.
	HostKeys []string `yaml:"host_keys" example:"[/etc/keyrack/ssh_host_ed25519_key]"`

	// The text shown before a key is offered, in sessions that bring no banner
	// of their own. By default it says that public keys are recorded.
	Notice string `yaml:"notice" example:"Public keys are recorded, see https://example.org/privacy"`

	// How long a client has from naming a session to being let in: passphrases
	// are typed and hardware keys found. It has 30s to name one.
	LoginGrace time.Duration `yaml:"login_grace"`

	// How many connections may be open at once.
	MaxConnections int `yaml:"max_connections"`

	// How many of them may come from one IPv4 address or IPv6 /64.
	PerSource int `yaml:"per_source"`

	// How many connections one of these may make in a minute; one that was
	// quiet may make them all at once.
	PerMinute int `yaml:"per_minute"`

	// The networks that per_source and per_minute do not hold for, as that of
	// an office behind one address, or of monitoring.
	Exempt []netip.Prefix `yaml:"exempt" example:"[192.0.2.7/32]"`

	// The networks of TCP proxies, each of whose connections begins with a
	// PROXY protocol header, which is believed; from anywhere else it is not.
	ProxyFrom []netip.Prefix `yaml:"proxy_from" example:"[10.0.0.5/32]"`
}

// HTTP is the HTTP server.
type HTTP struct {
	// The networks of proxies whose X-Forwarded-For header is believed; from
	// anywhere else it is not.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" example:"[10.0.0.0/8, fd00::/8]"`
}

// Faces are the products whose interfaces are served.
type Faces struct {
	// SSHVerify REST API v1, at /api/v1.
	SSHVerify SSHVerify `yaml:"sshverify"`

	// Raidboxes API v1, at /v1.
	Raidboxes Raidboxes `yaml:"raidboxes"`

	// Foreman API v2, at /api and /apidoc.
	Foreman Foreman `yaml:"foreman"`

	// Waldur MasterMind, at /api/keys/, /api/users/ and /api-auth/.
	Waldur Waldur `yaml:"waldur"`

	// senhasegura PAM Core, at /api/pam, /api/oauth2 and /iso.
	Senhasegura Senhasegura `yaml:"senhasegura"`
}

// SSHVerify is the face of that name.
type SSHVerify struct {
	// Whether it is served.
	Enabled bool `yaml:"enabled"`

	// The only host name it is served for. By default it is served for all.
	Host string `yaml:"host" example:"verify.example.org"`

	// How many requests a project may make in a minute.
	RequestsPerMinute int `yaml:"requests_per_minute"`

	// Whether sessions that have expired are shown as pending, for clients that
	// know no status expired.
	ExpiredAsPending bool `yaml:"expired_as_pending"`
}

// Raidboxes is the face of that name.
type Raidboxes struct {
	// Whether it is served.
	Enabled bool `yaml:"enabled"`

	// The only host name it is served for. By default it is served for all.
	Host string `yaml:"host" example:"raidboxes.example.org"`

	// How often one may log in or refresh a token in a minute: an address, and
	// with a token an account.
	LoginsPerMinute int `yaml:"logins_per_minute"`

	// How many keys an account may add in a minute.
	CreatesPerMinute int `yaml:"creates_per_minute"`

	// How many other requests an account may make in a minute.
	RequestsPerMinute int `yaml:"requests_per_minute"`
}

// Foreman is the face of that name.
type Foreman struct {
	// Whether it is served.
	Enabled bool `yaml:"enabled"`

	// The only host name it is served for. By default it is served for all.
	Host string `yaml:"host" example:"foreman.example.org"`

	// The version of Foreman that clients are told.
	Version string `yaml:"version"`

	// How long a session lasts without a request.
	SessionIdle time.Duration `yaml:"session_idle"`

	// How many logins may fail from one address within five minutes before it
	// is locked out for as long; 0 locks nobody out.
	LoginFailures int `yaml:"login_failures"`

	// The name under which clients sign their requests by OAuth 1.0. Without it,
	// or without the secret, none are taken.
	OAuthConsumerKey string `yaml:"oauth_consumer_key" example:"katello"`

	// The secret that they sign with. Who knows it may do everything.
	OAuthConsumerSecret vault.Secret `yaml:"oauth_consumer_secret" example:"a-long-random-text-of-22-characters-or-more"`

	// A file that holds the secret.
	OAuthConsumerSecretFile yamlfile.Path `yaml:"oauth_consumer_secret_file" example:"oauth-secret"`

	// Whether a signed request is made as the user that it names, rather than
	// as an administrator.
	OAuthMapUsers bool `yaml:"oauth_map_users"`
}

// Waldur is the face of that name.
type Waldur struct {
	// Whether it is served.
	Enabled bool `yaml:"enabled"`

	// The only host name it is served for. By default it is served for all.
	Host string `yaml:"host" example:"waldur.example.org"`

	// The web origins whose pages may use it from a browser, or "*" for any.
	CORSOrigins []string `yaml:"cors_origins" example:"[https://portal.example.org]"`
}

// Senhasegura is the face of that name.
type Senhasegura struct {
	// Whether it is served.
	Enabled bool `yaml:"enabled"`

	// The only host name it is served for. By default it is served for all.
	Host string `yaml:"host" example:"vault.example.org"`
}

// Webhooks is the sending of events.
type Webhooks struct {
	// The internal networks that webhooks may reach. Any other loopback,
	// private or link-local address is refused.
	AllowTo []netip.Prefix `yaml:"allow_to" example:"[10.1.0.0/16]"`
}

// Log is the log.
type Log struct {
	// The least that is logged: debug, info, warn or error.
	Level slog.Level `yaml:"level"`

	// How it is written: text or json.
	Format string `yaml:"format"`
}

// Default is the configuration without file, environment and flags. What
// depends on other values is empty; [Load] fills it in.
func Default() Config {
	return Config{
		DataDir:  "keyrack-data",
		HTTPAddr: ":8080",
		SSHAddr:  ":2222",
		SSH:      SSH{LoginGrace: 2 * time.Minute, MaxConnections: 200, PerSource: 20, PerMinute: 600},
		Faces: Faces{
			SSHVerify:   SSHVerify{Enabled: true, RequestsPerMinute: 600},
			Raidboxes:   Raidboxes{Enabled: true, LoginsPerMinute: 10, CreatesPerMinute: 20, RequestsPerMinute: 100},
			Foreman:     Foreman{Enabled: true, Version: "3.13.0", SessionIdle: time.Hour, LoginFailures: 30, OAuthMapUsers: true},
			Waldur:      Waldur{Enabled: true},
			Senhasegura: Senhasegura{Enabled: true},
		},
		KMS:           KMS{Timeout: 10 * time.Second},
		Log:           Log{Level: slog.LevelInfo, Format: "text"},
		ShutdownGrace: 20 * time.Second,
	}
}

// fill gives values to what depends on others, and one form to what has two.
func (c *Config) fill() {
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.MasterKeyFile == "" && c.MasterKeyURI == "" {
		c.MasterKeyFile = filepath.Join(c.DataDir, "master.key")
	}
	if c.KeysetFile == "" {
		c.KeysetFile = filepath.Join(c.DataDir, "keyset.json")
	}
}

//go:embed example.yaml
var example string

// Example is a configuration file that says the default of every key, and what
// it is for.
func Example() string { return example }
