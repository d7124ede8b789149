package transittest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Admin makes an administrator's calls.
type Admin struct {
	Client *http.Client
	URL    string // of the server, without a path
	Token  string
}

// MakeKey makes a key, if it is not there.
func (a Admin) MakeKey(ctx context.Context, name string) error {
	return a.post(ctx, "transit/keys/"+name, struct{}{})
}

// Rotate gives a key a new version, which seals from then on.
func (a Admin) Rotate(ctx context.Context, name string) error {
	return a.post(ctx, "transit/keys/"+name+"/rotate", struct{}{})
}

// Retire keeps versions of a key from opening that are older than the one given.
func (a Admin) Retire(ctx context.Context, name string, least int) error {
	return a.post(ctx, "transit/keys/"+name+"/config", body{MinDecryption: least})
}

// Mount mounts the engine, which a new real server has not done.
func (a Admin) Mount(ctx context.Context) error {
	return a.post(ctx, "sys/mounts/transit", map[string]string{"type": "transit"})
}

func (a Admin) post(ctx context.Context, path string, with any) error {
	text, err := json.Marshal(with)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("X-Vault-Token", a.Token)
	res, err := a.Client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		told, _ := io.ReadAll(res.Body) // as far as it can be read
		return fmt.Errorf("POST %s: %s: %s", path, res.Status, told)
	}
	return nil
}
