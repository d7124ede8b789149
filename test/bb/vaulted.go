package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"keyrack/test/rig"
)

// machines are a device and an application that may use its keys.
const machines = `
devices: [{hostname: web-01, ip: 10.0.0.5}]
applications:
  - name: deploy
    authorizations:
      - {name: ci, permission: read-write, resources: [pam-core], allowed_ips: ["*"],
         oauth2: {client_id: deploy, client_secret: 0123456789abcdef0123456789abcdef}}
`

// pair is a key of a machine's, as a client sends it.
type pair struct {
	private, passphrase string
	seed                string // what the private half is made of
}

func newPair() (pair, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return pair{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, "canary")
	if err != nil {
		return pair{}, err
	}
	return pair{string(pem.EncodeToMemory(block)), canary("passphrase"), string(private.Seed())}, nil
}

// secrets are texts by which the pair is found again, wherever it got to.
func (p pair) secrets() []string {
	lines := strings.Split(p.private, "\n")
	return []string{p.seed, p.passphrase, lines[2], lines[3]} // the first line is alike in all keys
}

// caller uses the keys through the face.
type caller struct {
	b       *trial
	address string
	token   string
}

func (b *trial) caller(address string) caller {
	r := ask(b, patient, address, call{
		method: http.MethodPost, path: "/api/oauth2/token", header: map[string]string{"Content-Type": "application/json"},
		body: `{"grant_type": "client_credentials", "client_id": "deploy", "client_secret": "0123456789abcdef0123456789abcdef"}`,
	})
	var got struct {
		AccessToken string `json:"access_token"`
	}
	b.must(decode(r.body, &got))
	if got.AccessToken == "" {
		b.fail("no access token: %v", r)
	}
	return caller{b, address, got.AccessToken}
}

func (c caller) call(method, path, body string) call {
	return call{method: method, path: path, body: body, header: map[string]string{
		"Authorization": "Bearer " + c.token, "Content-Type": "application/json",
	}}
}

// save saves a pair under an identifier and gives the id of the key.
func (c caller) save(ctx context.Context, identifier string, p pair) (id string, err error) {
	body, err := json.Marshal(map[string]string{
		"identifier": identifier, "hostname": "web-01", "ip": "10.0.0.5", "private_key": p.private, "public_key": "ssh-ed25519 AAAA", "password": p.passphrase,
	})
	if err != nil {
		return "", err
	}
	r := ask(ctx, patient, c.address, c.call(http.MethodPost, "/api/pam/key", string(body)))
	var got struct{ Key struct{ ID string } }
	if err := decode(r.body, &got); err != nil || r.status != http.StatusCreated {
		return "", fmt.Errorf("save a key: %v", r)
	}
	return got.Key.ID, nil
}

// read reads a key with its secrets.
func (c caller) read(ctx context.Context, id string) (pair, error) {
	r := ask(ctx, patient, c.address, c.call(http.MethodGet, "/api/pam/key/"+id, ""))
	var got struct {
		Key struct {
			Private  string `json:"private_key"`
			Password string `json:"password"`
		}
	}
	if err := decode(r.body, &got); err != nil || r.status != http.StatusOK {
		return pair{}, fmt.Errorf("read a key: %v", r)
	}
	return pair{private: got.Key.Private, passphrase: got.Key.Password}, nil
}

// vaulted are pairs that a client was told are kept, by the ids of their keys.
type vaulted struct {
	mu    sync.Mutex // guards what follows
	pairs map[string]pair
	ids   []string
	wrong int // reads and writes that failed, or gave something else
}

// put saves one more pair.
func (v *vaulted) put(ctx context.Context, c caller) {
	p, err := newPair()
	if err == nil {
		var id string
		id, err = c.save(ctx, fmt.Sprintf("rotated-%d", serial.Add(1)), p)
		if err == nil {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.pairs[id] = p
			v.ids = append(v.ids, id)
			return
		}
	}
	v.blame(err)
}

func (v *vaulted) blame(what any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wrong++; v.wrong < 4 {
		fmt.Printf("   %.300v\n", what)
	}
}

// check reads one key and holds it to what was kept.
func (v *vaulted) check(ctx context.Context, c caller, id string) {
	v.mu.Lock()
	want := v.pairs[id]
	v.mu.Unlock()
	got, err := c.read(ctx, id)
	switch {
	case err != nil:
		v.blame(err)
	case got.private != want.private || got.passphrase != want.passphrase:
		v.blame("key " + id + " is not what was saved")
	}
}

// any gives an id, and how many there are.
func (v *vaulted) any(n int) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ids[n%len(v.ids)]
}

// fill saves n pairs, by several clients at once.
func (v *vaulted) fill(ctx context.Context, c caller, n int) {
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range n / 8 {
				v.put(ctx, c)
			}
		})
	}
	clients.Wait()
}

// all reads every key.
func (v *vaulted) all(ctx context.Context, c caller) {
	var clients sync.WaitGroup
	for first := range 4 {
		clients.Go(func() {
			for i := first; i < len(v.ids); i += 4 {
				v.check(ctx, c, v.ids[i])
			}
		})
	}
	clients.Wait()
}

// work lets clients save and read until ctx is done.
func (v *vaulted) work(ctx context.Context, c caller) *sync.WaitGroup {
	var clients sync.WaitGroup
	whole := context.WithoutCancel(ctx) // an answer on its way is to be read
	clients.Go(func() {
		for ctx.Err() == nil {
			v.put(whole, c)
		}
	})
	clients.Go(func() {
		for n := 0; ctx.Err() == nil; n += 7 {
			v.check(whole, c, v.any(n))
		}
	})
	return &clients
}

// inMemory tells how often any of the secrets stands in the memory of a process.
func (b *trial) inMemory(s *rig.Server, secrets ...string) (n int) {
	b.must(rig.Memory(s.PID, func(region []byte) {
		n += standing(region, secrets)
	}))
	return n
}
