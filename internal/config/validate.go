package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"keyrack/internal/transit"
	"keyrack/internal/yamlfile"
)

// Bounds of what can be set.
const (
	maxGrace       = 20 * time.Second // service managers kill what takes much longer
	maxLoginGrace  = 10 * time.Minute
	maxKMSTimeout  = time.Minute
	maxConnections = 100_000
	maxRequests    = 1_000_000
	maxNotice      = 4096 // bytes, as of a session's banner
)

// Validate says all that is wrong with the configuration, by the paths of keys.
func (c Config) Validate() []yamlfile.Problem {
	var p problems
	p.notEmpty("data_dir", c.DataDir)
	c.checkAddresses(&p)
	c.checkPublic(&p)
	c.checkDatabase(&p)
	c.checkMasterKey(&p)
	c.SSH.check(&p)
	c.Faces.check(&p)
	within(&p, "shutdown_grace", c.ShutdownGrace, 0, maxGrace)
	if c.Log.Format != "text" && c.Log.Format != "json" {
		p.addf("log.format", "must be text or json")
	}
	return p
}

// problems gathers what is wrong.
type problems []yamlfile.Problem

func (p *problems) addf(path, format string, args ...any) {
	*p = append(*p, yamlfile.Problem{Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (p *problems) notEmpty(path, text string) {
	if text == "" {
		p.addf(path, "must not be empty")
	}
}

func within[T cmp.Ordered](p *problems, path string, v, least, most T) {
	if v < least || v > most {
		p.addf(path, "must be from %v to %v", least, most)
	}
}

func (c Config) checkAddresses(p *problems) {
	checkListen(p, "http_addr", c.HTTPAddr)
	checkListen(p, "ssh_addr", c.SSHAddr)
	if c.MetricsAddr != "" {
		checkListen(p, "metrics_addr", c.MetricsAddr)
		different(p, "metrics_addr", c.MetricsAddr, "http_addr", c.HTTPAddr)
		different(p, "metrics_addr", c.MetricsAddr, "ssh_addr", c.SSHAddr)
	}
	different(p, "ssh_addr", c.SSHAddr, "http_addr", c.HTTPAddr)
}

func checkListen(p *problems, path, addr string) {
	host, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil && strings.Count(addr, ":") > 1:
		p.addf(path, "must have an IPv6 address in brackets, as [fd00::5]:8080")
	case err != nil || !isPort(port) || host != "" && !isHost(host):
		p.addf(path, "must be an address and a port, as 127.0.0.1:8080, or :8080 for all addresses; port 0 picks a free port")
	}
}

// different refuses one address for two listeners. Port 0 is never the same.
func different(p *problems, path, addr, otherPath, other string) {
	if addr == other && !strings.HasSuffix(addr, ":0") {
		p.addf(path, "must be another address than %s", otherPath)
	}
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// hostName is a DNS name; the underscore is for the names of containers.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

// isHost takes names and addresses, but no address that is cut off.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return hostName.MatchString(text) && strings.Trim(text, "0123456789.") != ""
}

func (c Config) checkPublic(p *problems) {
	if c.PublicURL != "" && !isBaseURL(c.PublicURL) {
		p.addf("public_url", "must be http or https and a host without a path, as https://keys.example.org")
	}
	if c.PublicSSH == "" {
		return
	}
	host, port, err := net.SplitHostPort(c.PublicSSH)
	if err != nil || !isPort(port) || port == "0" || !isHost(host) {
		p.addf("public_ssh", "must be a host and a port, as keys.example.org:22 or [fd00::5]:2222")
	}
}

func isBaseURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	port := u.Port()
	return isHost(u.Hostname()) && (port == "" || isPort(port)) && text == u.Scheme+"://"+u.Host
}

// checkDatabase does not parse the URL, which may name several hosts as no
// other URL does, and whose parts must not get into messages.
func (c Config) checkDatabase(p *problems) {
	text := c.DatabaseURL.Reveal()
	if text != "" && !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		p.addf("database_url", "must be a URL that begins with postgres://; leave it out for the embedded database")
	}
}

func (c Config) checkMasterKey(p *problems) {
	within(p, "kms.timeout", c.KMS.Timeout, time.Second, maxKMSTimeout)
	if c.MasterKeyURI == "" {
		return
	}
	if c.MasterKeyFile != "" {
		p.addf("master_key_uri", "is given beside master_key_file; give one of them")
	}
	if err := transit.CheckURI(c.MasterKeyURI); err != nil {
		p.addf("master_key_uri", "%s", err)
	}
}

func (s SSH) check(p *problems) {
	for i, path := range s.HostKeys {
		p.notEmpty(fmt.Sprintf("ssh.host_keys[%d]", i), path)
	}
	if len(s.Notice) > maxNotice {
		p.addf("ssh.notice", "must have at most %d bytes", maxNotice)
	}
	within(p, "ssh.login_grace", s.LoginGrace, time.Second, maxLoginGrace)
	within(p, "ssh.max_connections", s.MaxConnections, 1, maxConnections)
	within(p, "ssh.per_source", s.PerSource, 1, max(s.MaxConnections, 1))
	within(p, "ssh.per_minute", s.PerMinute, 1, maxRequests)
}

func (f Faces) check(p *problems) {
	f.checkHosts(p)
	within(p, "faces.sshverify.requests_per_minute", f.SSHVerify.RequestsPerMinute, 1, maxRequests)
	within(p, "faces.raidboxes.logins_per_minute", f.Raidboxes.LoginsPerMinute, 1, maxRequests)
	within(p, "faces.raidboxes.creates_per_minute", f.Raidboxes.CreatesPerMinute, 1, maxRequests)
	within(p, "faces.raidboxes.requests_per_minute", f.Raidboxes.RequestsPerMinute, 1, maxRequests)
	f.Foreman.check(p)
}

// shortestSecret makes room for 128 random bits, as core asks of secrets.
const shortestSecret = 22

func (f Foreman) check(p *problems) {
	p.notEmpty("faces.foreman.version", f.Version)
	within(p, "faces.foreman.session_idle", f.SessionIdle, time.Minute, 24*time.Hour)
	within(p, "faces.foreman.login_failures", f.LoginFailures, 0, maxRequests)
	secret := f.OAuthConsumerSecret.Reveal()
	if secret != "" && len(secret) < shortestSecret {
		p.addf("faces.foreman.oauth_consumer_secret", "must have at least %d characters", shortestSecret)
	}
}

// checkHosts wants a name of its own for each face that is bound to one.
func (f Faces) checkHosts(p *problems) {
	taken := map[string]string{}
	for _, bound := range []struct{ face, host string }{
		{"sshverify", f.SSHVerify.Host},
		{"raidboxes", f.Raidboxes.Host},
		{"foreman", f.Foreman.Host},
		{"waldur", f.Waldur.Host},
		{"senhasegura", f.Senhasegura.Host},
	} {
		path, host := "faces."+bound.face+".host", strings.ToLower(bound.host)
		switch {
		case host == "":
		case !isHost(host):
			p.addf(path, "must be a host name without a port, as verify.example.org")
		case taken[host] != "":
			p.addf(path, "must be another name than faces.%s.host", taken[host])
		default:
			taken[host] = bound.face
		}
	}
}
