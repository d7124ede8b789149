// Package transittest is a transit engine for tests: a server on the loopback
// interface that answers as the API of OpenBao and HashiCorp Vault is
// documented, with real AES-GCM behind it. It has what clients of keys use:
// making, rotating and configuring keys, encrypt and decrypt. [Admin] makes the
// calls of an administrator, to this server or to a real one.
package transittest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Token is what the server lets in.
const Token = "hvs.loopback-test-token" //nolint:gosec // of a server that a test makes

// Server is the engine, mounted at transit.
type Server struct {
	*httptest.Server
	mux *http.ServeMux

	mu   sync.Mutex // guards what follows
	keys map[string]*engineKey
}

// engineKey is a key with its versions; the first is number 1.
type engineKey struct {
	versions []cipher.AEAD
	least    int // the oldest version that opens
}

// New starts a server that speaks TLS, with a certificate of its own making.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{keys: map[string]*engineKey{}, mux: http.NewServeMux()}
	s.mux.HandleFunc("POST /v1/sys/mounts/transit", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.mux.HandleFunc("POST /v1/transit/keys/{name}", s.on(true, s.make))
	s.mux.HandleFunc("POST /v1/transit/keys/{name}/rotate", s.on(false, s.rotate))
	s.mux.HandleFunc("POST /v1/transit/keys/{name}/config", s.on(false, s.configure))
	s.mux.HandleFunc("POST /v1/transit/encrypt/{name}", s.on(false, s.encrypt))
	s.mux.HandleFunc("POST /v1/transit/decrypt/{name}", s.on(false, s.decrypt))
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

// URI names a key of the server.
func (s *Server) URI(name string) string {
	return "hcvault://" + s.Listener.Addr().String() + "/transit/keys/" + name
}

// CA is the certificate, in PEM, of who vouches for the server.
func (s *Server) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// Admin makes an administrator's calls to the server.
func (s *Server) Admin() Admin { return Admin{Client: s.Client(), URL: s.URL, Token: Token} }

// ServeHTTP lets in who has the token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Vault-Token") != Token {
		refuse(w, http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
		return
	}
	s.mux.ServeHTTP(w, r)
}

// body is what requests and replies hold.
type body struct {
	Plaintext      string `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData string `json:"associated_data,omitempty"`
	KeyVersion     int    `json:"key_version,omitempty"`
	MinDecryption  int    `json:"min_decryption_version,omitempty"`
}

// on finds the key of a request; made says that there may be none yet.
func (s *Server) on(made bool, do func(*engineKey, body) (body, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		k := s.keys[r.PathValue("name")]
		if k == nil && !made {
			refuse(w, http.StatusBadRequest, "encryption key not found")
			return
		}
		if k == nil {
			k = &engineKey{}
			s.keys[r.PathValue("name")] = k
		}
		var in body
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			refuse(w, http.StatusBadRequest, "failed to parse JSON input: "+err.Error())
			return
		}
		out, err := do(k, in)
		if err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		reply(w, http.StatusOK, map[string]any{"request_id": rand.Text(), "data": out})
	}
}

func refuse(w http.ResponseWriter, status int, why string) {
	reply(w, status, map[string]any{"errors": []string{why}})
}

func reply(w http.ResponseWriter, status int, with any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(with) // a peer that left needs no answer
}

// make gives a key its first version; one that has it is left alone.
func (s *Server) make(k *engineKey, in body) (body, error) {
	if len(k.versions) > 0 {
		return body{}, nil
	}
	k.least = 1
	return s.rotate(k, in)
}

func (s *Server) rotate(k *engineKey, _ body) (body, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	block, err := aes.NewCipher(secret)
	if err != nil {
		return body{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	k.versions = append(k.versions, aead)
	return body{}, err
}

func (s *Server) configure(k *engineKey, in body) (body, error) {
	k.least = in.MinDecryption
	return body{}, nil
}

func (s *Server) encrypt(k *engineKey, in body) (body, error) {
	plain, bound, err := in.decoded(in.Plaintext)
	if err != nil {
		return body{}, err
	}
	version := len(k.versions)
	sealed := k.versions[version-1].Seal(nil, nil, plain, bound) // #nosec G407 -- this AEAD makes its own
	text := fmt.Sprintf("vault:v%d:%s", version, base64.StdEncoding.EncodeToString(sealed))
	return body{Ciphertext: text, KeyVersion: version}, nil
}

func (s *Server) decrypt(k *engineKey, in body) (body, error) {
	prefix, text, _ := strings.Cut(strings.TrimPrefix(in.Ciphertext, "vault:v"), ":")
	version, err := strconv.Atoi(prefix)
	if err != nil || version < 1 || version > len(k.versions) {
		return body{}, fmt.Errorf("invalid ciphertext: version is too new")
	}
	if version < k.least {
		return body{}, fmt.Errorf("ciphertext or signature version is disallowed by policy (too old)")
	}
	sealed, bound, err := in.decoded(text)
	if err != nil {
		return body{}, err
	}
	plain, err := k.versions[version-1].Open(nil, nil, sealed, bound)
	return body{Plaintext: base64.StdEncoding.EncodeToString(plain)}, err
}

// decoded gives the bytes of a text and of the associated data.
func (in body) decoded(text string) (plain, bound []byte, err error) {
	if plain, err = base64.StdEncoding.DecodeString(text); err != nil {
		return nil, nil, err
	}
	bound, err = base64.StdEncoding.DecodeString(in.AssociatedData)
	return plain, bound, err
}
