package transit

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
)

// key is one key of the engine, as a Tink AEAD.
type key struct {
	address
	options Options
	client  *http.Client
}

// request is what encrypt and decrypt are sent; bytes travel in base64.
type request struct {
	Plaintext      []byte `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData []byte `json:"associated_data,omitempty"`
}

type reply struct {
	Data struct {
		Plaintext  []byte `json:"plaintext"`
		Ciphertext string `json:"ciphertext"`
	} `json:"data"`
	Errors []string `json:"errors"`
}

var (
	errUnbound = errors.New("the server opens what it sealed without its associated data: it is too old, or the key is of a type that takes none")
	errNotBack = errors.New("the server does not give back what it sealed")
)

// Encrypt seals by the key's newest version. What is sealed is opened once for
// proof, and once with other associated data: old servers pass over what they do
// not know, and would bind nothing.
func (k *key) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	out, err := k.ask("encrypt", request{Plaintext: plaintext, AssociatedData: associatedData})
	if err != nil {
		return nil, err
	}
	sealed := []byte(out.Data.Ciphertext)
	if len(sealed) == 0 {
		return nil, fmt.Errorf("%s sealed nothing", k.server)
	}
	back, err := k.Decrypt(sealed, associatedData)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(back, plaintext) {
		return nil, errNotBack
	}
	return sealed, k.checkBound(sealed, associatedData)
}

func (k *key) checkBound(sealed, associatedData []byte) error {
	_, err := k.Decrypt(sealed, append(bytes.Clone(associatedData), 0))
	if no, ok := errors.AsType[*refusal](err); ok && no.status == http.StatusBadRequest {
		return nil
	}
	if err == nil {
		err = errUnbound
	}
	return err
}

// Decrypt opens what any version of the key has sealed that the server still
// opens with.
func (k *key) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	out, err := k.ask("decrypt", request{Ciphertext: string(ciphertext), AssociatedData: associatedData})
	if err != nil {
		return nil, err
	}
	if len(out.Data.Plaintext) == 0 {
		return nil, fmt.Errorf("%s opened nothing", k.server)
	}
	return out.Data.Plaintext, nil
}
