package storetest

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// serial makes sample values differ from each other.
var serial atomic.Int64

// now is the time as it enters core: UTC, cut to microseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NewPublicKey gives an Ed25519 key that nobody holds.
func NewPublicKey(t testing.TB) sshkey.PublicKey {
	t.Helper()
	blob := append(wirePart("ssh-ed25519"), wirePart(string(randomBytes(32)))...)
	k, err := sshkey.FromWire(blob)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wirePart is a string as it stands on the wire: RFC 4251, section 5.
func wirePart(s string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) // #nosec G115 -- short
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// addresses are all sorts of client addresses.
var addresses = []string{"192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "fe80::1%eth0", "::"}

// sample gives a value with every field set, recursively: a field that the
// store forgets comes back zero. Texts hold what breaks careless SQL.
func sample[T any](t testing.TB) (v T) {
	t.Helper()
	fill(t, reflect.ValueOf(&v).Elem())
	return v
}

func fill(t testing.TB, v reflect.Value) {
	n := serial.Add(1)
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(now().Add(time.Duration(n) * time.Microsecond)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr(addresses[n%int64(len(addresses))])))
		return
	case sshkey.PublicKey:
		v.Set(reflect.ValueOf(NewPublicKey(t)))
		return
	case uuid.UUID:
		v.Set(reflect.ValueOf(uuid.New()))
		return
	case core.SecretHash:
		v.Set(reflect.ValueOf(core.SecretHash(randomBytes(32))))
		return
	case []byte:
		v.SetBytes(randomBytes(40))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%d Ünï 鍵 🔑 '; DROP TABLE keys; -- \" \\ %% _ ? $1 :a", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(n)
	case reflect.Uint8:
		v.SetUint(1 + uint64(n)%5) // #nosec G115 -- counts up from 1
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.25)
	case reflect.Array, reflect.Slice:
		fillElements(t, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Map: // kept by nothing here
	default:
		t.Fatalf("no sample of %v", v.Type())
	}
}

func fillElements(t testing.TB, v reflect.Value) {
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
	}
	for i := range v.Len() {
		fill(t, v.Index(i))
	}
}

// makers of things that others refer to.

func newAccount(t testing.TB, tx core.Tx) (core.Account, error) {
	a := sample[core.Account](t)
	a.ID, a.Organizations, a.Locations = 0, nil, nil
	a.DefaultOrganization, a.DefaultLocation = 0, 0
	var err error
	a.ID, err = tx.InsertAccount(a)
	return a, err
}

func newProject(t testing.TB, tx core.Tx) (core.Project, error) {
	p := sample[core.Project](t)
	p.ID, p.Organization = 0, 0
	var err error
	p.ID, err = tx.InsertProject(p)
	return p, err
}

func insertKey(tx core.Tx, k core.Key) (core.KeyID, error) {
	ids, err := tx.InsertKeys(k)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

func newKey(t testing.TB, tx core.Tx, owner core.AccountID) (core.Key, error) {
	k := sample[core.Key](t)
	k.ID, k.Owner = 0, owner
	var err error
	k.ID, err = insertKey(tx, k)
	return k, err
}

func newSession(t testing.TB, tx core.Tx, project core.ProjectID) (core.Session, error) {
	s := sample[core.Session](t)
	s.ID, s.Project = 0, project
	s.Connections, s.Webhooks, s.Wanted = nil, nil, nil
	var err error
	s.ID, err = tx.InsertSession(s)
	return s, err
}

func newConnection(t testing.TB, tx core.Tx, session core.SessionID) (core.Connection, error) {
	c := sample[core.Connection](t)
	c.ID, c.Session, c.Keys = 0, session, nil
	err := insertConnection(tx, &c)
	return c, err
}

// insertConnection adds a connection and has its id told.
func insertConnection(tx core.Tx, c *core.Connection) error {
	if err := tx.InsertConnection(c); err != nil {
		return err
	}
	_, err := tx.Session(c.Session)
	return err
}

func newWebhook(t testing.TB, tx core.Tx, session core.SessionID) (core.Webhook, error) {
	w := sample[core.Webhook](t)
	w.ID, w.Session = 0, session
	var err error
	w.ID, err = tx.InsertWebhook(w)
	return w, err
}

func newApplication(t testing.TB, tx core.Tx) (core.Application, error) {
	a := sample[core.Application](t)
	a.ID, a.Organization, a.Authorizations = 0, 0, nil
	var err error
	a.ID, err = tx.InsertApplication(a)
	return a, err
}

func newOrganization(t testing.TB, tx core.Tx) (core.OrganizationID, error) {
	o := sample[core.Organization](t)
	o.ID = 0
	return tx.InsertOrganization(o)
}

func newLocation(t testing.TB, tx core.Tx) (core.LocationID, error) {
	l := sample[core.Location](t)
	l.ID = 0
	return tx.InsertLocation(l)
}
