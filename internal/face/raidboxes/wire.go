package raidboxes

import (
	"time"

	"keyrack/internal/core"
	"keyrack/internal/face"
	"keyrack/internal/sshkey"
)

// accountWire is what a login answers.
type accountWire struct {
	ID    string `json:"id"` // 8 characters
	Email string `json:"email"`
}

// tokenWire is what a refresh answers, beside the header.
type tokenWire struct {
	AccessToken string `json:"access_token"`
}

// keyWire is a key in the list, and as it was created.
type keyWire struct {
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"` // MD5, for display alone
	Title       string `json:"title"`
}

// dataWire wraps what create answers.
type dataWire struct {
	Data keyWire `json:"data"`
}

func fromKey(k core.Key) keyWire {
	return keyWire{ID: k.ShortID, Fingerprint: k.Public.MD5().Bare(), Title: titleOf(k)}
}

// titleOf is the label that a key came with. Keys that came through another
// door may have none; then the comment in the key's text serves, or what names
// the key itself.
func titleOf(k core.Key) string {
	if k.Name != "" {
		return k.Name
	}
	if line, err := sshkey.Parse(k.Text); err == nil && line.Comment != "" {
		return line.Comment
	}
	sum := k.Public.SHA256().String()
	return sum[:len("SHA256:")+12]
}

// envelope is every error.
type envelope struct {
	Timestamp string   `json:"timestamp"`
	Message   string   `json:"message"`
	Path      string   `json:"path"`
	RequestID string   `json:"request_id"`
	Details   *details `json:"details,omitempty"`
}

// details are the messages of each field, in the order in which the vendor
// checks them: the first one is the message of the whole.
type details struct {
	Title    []message `json:"title,omitempty"`
	Key      []message `json:"key,omitempty"`
	Email    []message `json:"email,omitempty"`
	Password []message `json:"password,omitempty"`
	Code     []message `json:"code,omitempty"`
}

type message struct {
	Message string `json:"message"`
}

// timestampLayout has a numeric offset also for UTC, where RFC 3339 would have Z.
const timestampLayout = "2006-01-02T15:04:05-07:00"

func timestamp(t time.Time) string { return t.UTC().Format(timestampLayout) }

// Encode gives a body as JSON.
func (p *protocol) Encode(body any) ([]byte, string, error) {
	data, err := face.JSON(body)
	return data, "application/json", err
}
