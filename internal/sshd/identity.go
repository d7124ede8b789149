package sshd

import (
	"crypto/rand"

	"golang.org/x/crypto/ssh"
)

// OpenSSH's extension by which a server tells a client, once it is let in, all
// the host keys that it has, and proves those that the client does not know
// (PROTOCOL, section 2.5). So a client that knows one of them learns the others,
// and a key can be replaced without anybody being warned: serve the new one
// beside the old one for a while.
const (
	requestHostKeys = "hostkeys-00@openssh.com"
	requestProve    = "hostkeys-prove-00@openssh.com"
)

// identity announces and proves the server's host keys in one connection.
type identity struct {
	peer   *ssh.ServerConn
	keys   []ssh.Signer
	proved bool
}

// announce tells the client all host keys. One that is gone needs no answer.
func (i *identity) announce() {
	var list []byte
	for _, key := range i.keys {
		list = append(list, ssh.Marshal(struct{ Key []byte }{key.PublicKey().Marshal()})...)
	}
	_, _, _ = i.peer.SendRequest(requestHostKeys, false, list)
}

// answer takes a request for proofs, and is false for any other. A signature by
// an RSA key is dear, so each connection gets its proofs once.
func (i *identity) answer(r *ssh.Request) bool {
	if r.Type != requestProve || !r.WantReply || i.proved {
		return false
	}
	i.proved = true
	proofs, ok := i.prove(r.Payload)
	_ = r.Reply(ok, proofs) // fails when the connection is gone, which the loop will notice
	return true
}

// prove signs for each key in the list, all of which must be ours.
func (i *identity) prove(list []byte) (proofs []byte, ok bool) {
	for asked := 0; len(list) > 0; asked++ {
		var next struct {
			Key  []byte
			Rest []byte `ssh:"rest"`
		}
		if ssh.Unmarshal(list, &next) != nil || asked == len(i.keys) {
			return nil, false
		}
		signature, ok := i.sign(next.Key)
		if !ok {
			return nil, false
		}
		proofs = append(proofs, ssh.Marshal(struct{ Signature []byte }{signature})...)
		list = next.Rest
	}
	return proofs, len(proofs) > 0
}

// sign proves one key for this connection.
func (i *identity) sign(blob []byte) ([]byte, bool) {
	for _, key := range i.keys {
		if string(key.PublicKey().Marshal()) != string(blob) {
			continue
		}
		signature, err := i.signWith(key, ssh.Marshal(struct {
			Request        string
			SessionID, Key []byte
		}{requestProve, i.peer.SessionID(), blob}))
		if err != nil {
			return nil, false
		}
		return ssh.Marshal(signature), true
	}
	return nil, false
}

// signWith signs by the algorithm of the key exchange where that was an RSA
// key's: the client accepts no other then.
func (i *identity) signWith(key ssh.Signer, data []byte) (*ssh.Signature, error) {
	rsa, ok := key.(ssh.AlgorithmSigner)
	if !ok || key.PublicKey().Type() != ssh.KeyAlgoRSA {
		return key.Sign(rand.Reader, data)
	}
	algorithm := ssh.KeyAlgoRSASHA512
	if negotiated, ok := i.peer.Conn.(ssh.AlgorithmsConnMetadata); ok && negotiated.Algorithms().HostKey == ssh.KeyAlgoRSASHA256 {
		algorithm = ssh.KeyAlgoRSASHA256
	}
	return rsa.SignWithAlgorithm(rand.Reader, data, algorithm)
}
