package sshd

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// A client that knows one host key learns the others from it, proven, whichever
// key the connection began with.
func TestClientsLearnAllHostKeys(t *testing.T) {
	t.Parallel()
	keys := hostKeys()
	for name, tt := range map[string]struct {
		known      ssh.PublicKey
		algorithms string
	}{
		"from Ed25519":           {keys[0].PublicKey(), "ssh-ed25519,rsa-sha2-512"},
		"from RSA, with SHA-512": {keys[1].PublicKey(), "rsa-sha2-512,ssh-ed25519"},
		"from RSA, with SHA-256": {keys[1].PublicKey(), "rsa-sha2-256,ssh-ed25519"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			host := "[127.0.0.1]:" + w.port + " "
			writeFile(t, w.hosts, host+string(ssh.MarshalAuthorizedKey(tt.known)))
			args := append(identities(manyKeys(t, 1)[0]), "-o", "UpdateHostKeys=yes", "-o", "HashKnownHosts=no", "-o", "HostKeyAlgorithms="+tt.algorithms)
			r := w.ssh(w.add(single), "", args...)
			if r.code != 0 {
				t.Fatalf("ssh: %+v", r)
			}
			known, err := os.ReadFile(w.hosts)
			check(t, err)
			for _, key := range keys {
				if want := host + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))); !strings.Contains(string(known), want) {
					t.Errorf("known_hosts lacks %s:\n%s", want, known)
				}
			}
		})
	}
}

// What asks for proofs out of order, of keys that are not ours, or again and
// again is refused, and the connection goes on.
func TestProofsOfHostKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	foreign := ssh.Marshal(struct{ Key []byte }{freshKey().PublicKey().Marshal()})
	var ours, twice []byte
	for _, key := range hostKeys() {
		ours = append(ours, ssh.Marshal(struct{ Key []byte }{key.PublicKey().Marshal()})...)
	}
	twice = append(append(twice, ours...), ours...)
	for name, tt := range map[string]struct {
		requests [][]byte
		want     []bool
	}{
		"all of ours, then again": {[][]byte{ours, ours}, []bool{true, false}},
		"none":                    {[][]byte{nil}, []bool{false}},
		"a foreign one":           {[][]byte{append(append([]byte{}, ours...), foreign...)}, []bool{false}},
		"ours twice in one":       {[][]byte{twice}, []bool{false}},
		"cut short":               {[][]byte{ours[:len(ours)-1]}, []bool{false}},
		"a huge length":           {[][]byte{{0xff, 0xff, 0xff, 0xff}}, []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := ssh.Dial("tcp", w.addr, &ssh.ClientConfig{
				User: w.add(single), Auth: []ssh.AuthMethod{ssh.PublicKeys(freshKey())}, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
				HostKeyCallback: ssh.FixedHostKey(hostKeys()[0].PublicKey()),
			})
			check(t, err)
			defer func() { _ = client.Close() }()
			for i, list := range tt.requests {
				if ok, _, err := client.SendRequest(requestProve, true, list); err != nil || ok != tt.want[i] {
					t.Errorf("request %d: %v, %v; want %v", i+1, ok, err, tt.want[i])
				}
			}
		})
	}
}

// A host key is replaced without a warning: the new one is announced beside the
// old one, and used alone later.
func TestHostKeyIsReplaced(t *testing.T) {
	t.Parallel()
	previous, next := freshKey(), freshKey()
	w := newWorld(t, func(o *Options) { o.HostKeys = []ssh.Signer{previous, next} })
	learn := append(identities(manyKeys(t, 1)[0]), "-o", "UpdateHostKeys=yes", "-o", "HashKnownHosts=no")
	if r := w.ssh(w.add(single), "", learn...); r.code != 0 {
		t.Fatalf("ssh to the server with both keys: %+v", r)
	}
	later := newWorld(t, func(o *Options) { o.HostKeys = []ssh.Signer{next} })
	known, err := os.ReadFile(w.hosts)
	check(t, err)
	writeFile(t, later.hosts, strings.ReplaceAll(string(known), w.port, later.port))
	if r := later.ssh(later.add(single), "", identities(manyKeys(t, 1)[0])...); r.code != 0 {
		t.Errorf("ssh to the server with the new key: %+v", r)
	}
}
