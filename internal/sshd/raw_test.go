package sshd

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Message numbers (RFC 4250, section 4.1.2).
const (
	msgDisconnect      = 1
	msgExtInfo         = 7
	msgServiceRequest  = 5
	msgServiceAccept   = 6
	msgKexInit         = 20
	msgNewKeys         = 21
	msgKexECDHInit     = 30
	msgKexECDHReply    = 31
	msgAuthRequest     = 50
	msgAuthFailure     = 51
	msgAuthSuccess     = 52
	msgAuthBanner      = 53
	msgAuthPKOK        = 60
	msgGlobalRequest   = 80
	msgRequestFailure  = 82
	msgChannelOpen     = 90
	msgOpenConfirm     = 91
	msgOpenFailure     = 92
	msgChannelData     = 94
	msgExtendedData    = 95
	msgChannelRequest  = 98
	msgChannelSuccess  = 99
	msgChannelFailure  = 100
	rawHostAlgorithm   = "ssh-ed25519"
	rawCipher          = "aes128-gcm@openssh.com"
	rawKeyExchange     = "curve25519-sha256"
	strictKexByServers = "kex-strict-s-v00@openssh.com"
)

// rawClient is an SSH client that sends what it is told to, in any order. The
// client of x/crypto/ssh keeps to the protocol, an attacker does not. It knows
// one algorithm of each sort and trusts every host key.
type rawClient struct {
	nc      net.Conn
	r       *bufio.Reader
	out, in *gcm // nil before the keys are exchanged

	version, serverVersion string
	offered                kexInit // what the server offered
	extInfo                []byte  // the server's EXT_INFO
	sessionID              []byte
	banner                 string
	user                   string
}

type kexInit struct {
	Cookie                                   [16]byte `sshtype:"20"`
	Kex, HostKey                             []string
	CipherOut, CipherIn, MACOut, MACIn       []string
	CompressOut, CompressIn, LangOut, LangIn []string
	Follows                                  bool
	Reserved                                 uint32
}

// gcm is one direction of aes128-gcm@openssh.com (RFC 5647, section 7).
type gcm struct {
	aead  cipher.AEAD
	nonce []byte
}

func newGCM(key, iv []byte) *gcm {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &gcm{aead: aead, nonce: iv}
}

func (g *gcm) step() {
	binary.BigEndian.PutUint64(g.nonce[4:], binary.BigEndian.Uint64(g.nonce[4:])+1)
}

// dialRaw connects and sends the version line, nothing more.
func dialRaw(addr, version string) (*rawClient, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	c := &rawClient{nc: nc, r: bufio.NewReader(nc), version: version}
	if _, err := io.WriteString(nc, version+"\r\n"); err != nil {
		return nil, err
	}
	line, err := c.r.ReadString('\n')
	c.serverVersion = strings.TrimRight(line, "\r\n")
	return c, err
}

// handshake exchanges keys and asks for the authentication service.
func (c *rawClient) handshake() error {
	if err := c.exchangeKeys(); err != nil {
		return err
	}
	if err := c.send(ssh.Marshal(struct {
		Service string `sshtype:"5"`
	}{"ssh-userauth"})); err != nil {
		return err
	}
	_, err := c.expect(msgServiceAccept)
	return err
}

// exchangeKeys runs one key exchange (RFC 8731), the first or a later one.
func (c *rawClient) exchangeKeys() error {
	mine := c.kexInit()
	if err := c.send(mine); err != nil {
		return err
	}
	theirs, err := c.expect(msgKexInit)
	if err != nil {
		return err
	}
	if err := ssh.Unmarshal(theirs, &c.offered); err != nil {
		return err
	}
	return c.agree(mine, theirs)
}

func (c *rawClient) kexInit() []byte {
	m := kexInit{
		Kex: []string{rawKeyExchange, "ext-info-c"}, HostKey: []string{rawHostAlgorithm},
		CipherOut: []string{rawCipher}, CipherIn: []string{rawCipher},
		MACOut: []string{"hmac-sha2-256"}, MACIn: []string{"hmac-sha2-256"},
		CompressOut: []string{"none"}, CompressIn: []string{"none"},
	}
	_, _ = rand.Read(m.Cookie[:])
	return ssh.Marshal(m)
}

// agree finishes a key exchange after both KEXINITs.
func (c *rawClient) agree(mine, theirs []byte) error {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	type ecdhInit struct {
		Public []byte `sshtype:"30"`
	}
	if err := c.send(ssh.Marshal(ecdhInit{private.PublicKey().Bytes()})); err != nil {
		return err
	}
	packet, err := c.expect(msgKexECDHReply)
	if err != nil {
		return err
	}
	var reply struct {
		HostKey   []byte `sshtype:"31"`
		Public    []byte
		Signature []byte
	}
	if err := ssh.Unmarshal(packet, &reply); err != nil {
		return err
	}
	public, err := ecdh.X25519().NewPublicKey(reply.Public)
	if err != nil {
		return err
	}
	shared, err := private.ECDH(public)
	if err != nil {
		return err
	}
	k := ssh.Marshal(struct{ K *big.Int }{new(big.Int).SetBytes(shared)})
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(c.version), []byte(c.serverVersion), mine, theirs,
		reply.HostKey, private.PublicKey().Bytes(), reply.Public} {
		hash.Write(ssh.Marshal(struct{ Part []byte }{part}))
	}
	hash.Write(k)
	return c.takeKeys(k, hash.Sum(nil))
}

func (c *rawClient) takeKeys(k, h []byte) error {
	if c.sessionID == nil {
		c.sessionID = h
	}
	derive := func(letter string, n int) []byte {
		sum := sha256.New()
		sum.Write(k)
		sum.Write(h)
		sum.Write([]byte(letter))
		sum.Write(c.sessionID)
		return sum.Sum(nil)[:n]
	}
	if err := c.send([]byte{msgNewKeys}); err != nil {
		return err
	}
	c.out = newGCM(derive("C", 16), derive("A", 12))
	if _, err := c.expect(msgNewKeys); err != nil {
		return err
	}
	c.in = newGCM(derive("D", 16), derive("B", 12))
	return nil
}

// seal makes the bytes of one packet (RFC 4253, section 6).
func (c *rawClient) seal(payload []byte) []byte {
	outside := 4 // the length counts for the padding only where it is encrypted too
	if c.out != nil {
		outside = 0
	}
	padding := 16 - (outside+1+len(payload))%16
	if padding < 4 {
		padding += 16
	}
	body := make([]byte, 1+len(payload)+padding)
	body[0] = byte(padding)
	copy(body[1:], payload)
	length := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if c.out == nil {
		return append(length, body...)
	}
	sealed := c.out.aead.Seal(nil, c.out.nonce, body, length)
	c.out.step()
	return append(length, sealed...)
}

func (c *rawClient) send(payloads ...[]byte) error {
	var all []byte
	for _, p := range payloads {
		all = append(all, c.seal(p)...)
	}
	_, err := c.nc.Write(all)
	return err
}

// read takes the next packet, banners and extension info set aside.
func (c *rawClient) read() ([]byte, error) {
	for {
		p, err := c.readPacket()
		if err != nil {
			return nil, err
		}
		switch p[0] {
		case msgAuthBanner:
			var m struct {
				Text, Lang string `sshtype:"53"`
			}
			if err := ssh.Unmarshal(p, &m); err != nil {
				return nil, err
			}
			c.banner += m.Text
		case msgExtInfo:
			c.extInfo = p
		default:
			if !bytes.Contains(p, []byte(requestHostKeys)) { // nobody has to listen to that
				return p, nil
			}
		}
	}
}

func (c *rawClient) readPacket() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(c.r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(length[:]))
	if n > 1<<20 {
		return nil, fmt.Errorf("packet of %d bytes", n)
	}
	if c.in != nil {
		n += c.in.aead.Overhead()
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return nil, err
	}
	if c.in != nil {
		var err error
		if body, err = c.in.aead.Open(nil, c.in.nonce, body, length[:]); err != nil {
			return nil, err
		}
		c.in.step()
	}
	if len(body) < 2 || int(body[0])+1 >= len(body) {
		return nil, errors.New("malformed packet")
	}
	return body[1 : len(body)-int(body[0])], nil
}

// expect reads one packet that must be of type t.
func (c *rawClient) expect(t byte) ([]byte, error) {
	p, err := c.read()
	if err != nil {
		return nil, err
	}
	if p[0] != t {
		return nil, fmt.Errorf("got message %d %q, want %d", p[0], p[1:], t)
	}
	return p, nil
}

// authRequest is SSH_MSG_USERAUTH_REQUEST (RFC 4252, section 5).
type authRequest struct {
	User, Service, Method string `sshtype:"50"`
	Rest                  []byte `ssh:"rest"`
}

// request sends an authentication request and reads the answer's type; the
// flag is that of a partial success.
func (c *rawClient) request(method string, rest []byte) (answer byte, partial bool, err error) {
	if err := c.send(c.marshalRequest(method, rest)); err != nil {
		return 0, false, err
	}
	p, err := c.read()
	if err != nil {
		return 0, false, err
	}
	if p[0] != msgAuthFailure {
		return p[0], false, nil
	}
	var m struct {
		Methods []string `sshtype:"51"`
		Partial bool
	}
	err = ssh.Unmarshal(p, &m)
	return p[0], m.Partial, err
}

func (c *rawClient) marshalRequest(method string, rest []byte) []byte {
	return ssh.Marshal(authRequest{User: c.user, Service: "ssh-connection", Method: method, Rest: rest})
}

// offer asks whether a key would do (RFC 4252, section 7).
func (c *rawClient) offer(algorithm string, blob []byte) (byte, bool, error) {
	return c.request("publickey", offerBody(algorithm, blob))
}

func offerBody(algorithm string, blob []byte) []byte {
	return ssh.Marshal(struct {
		Signed    bool
		Algorithm string
		Blob      []byte
	}{false, algorithm, blob})
}

// sign offers a key with a signature over the given session's id.
func (c *rawClient) sign(sessionID []byte, algorithm string, blob []byte, signer func(data []byte) *ssh.Signature) (byte, bool, error) {
	body := signedBody(algorithm, blob)
	request := c.marshalRequest("publickey", body)
	data := append(ssh.Marshal(struct{ ID []byte }{sessionID}), request...)
	signature := ssh.Marshal(struct{ S []byte }{ssh.Marshal(signer(data))})
	return c.request("publickey", append(body, signature...))
}

func signedBody(algorithm string, blob []byte) []byte {
	return ssh.Marshal(struct {
		Signed    bool
		Algorithm string
		Blob      []byte
	}{true, algorithm, blob})
}

func (c *rawClient) close() { _ = c.nc.Close() }
