package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"
)

// record is a row to insert. What it holds may depend on the id that the first
// row of its change was given.
type record struct {
	table  string
	values func(first int64) []any
}

// change is what is inserted together, and waits for the next commit.
type change struct {
	records []record
	done    chan error
}

// tables are the columns that the floor writes.
var tables = map[string]string{
	"keys": "uuid, short_id, owner, name, folded, text, algorithm, bits, blob, md5, sha256, sha512, shared, created_at, updated_at",
	"revisions": "key_id, key_uuid, number, action, short_id, owner, name, text, blob, shared, key_created_at, key_updated_at," +
		" actor_kind, actor_name, account_id, comment, at",
	"key_names":    "rowid, folded",
	"evidence":     "key_id, grade, at, address, client_version",
	"audit_events": "at, actor_kind, actor_name, account_id, project_id, action, object, face, address, outcome, detail",
	"sessions": "uuid, project_id, kind, identifier, status, multi_key, multi_connection, must_confirm, match_all_keys, max_attempts," +
		" attempts, created_at, updated_at",
	"wanted_keys": "uuid, session_id, name, blob",
	"managed_keys": "uuid, kind, identifier, username, name, device_id, tags, disabled, version, application_id, changed_at," +
		" created_at, updated_at",
	"managed_key_versions": "key_id, number, public_key, private_key, actor_kind, actor_name, at",
}

// insertion is the statement for a table. SQLite tells the id without being asked.
func (f *bare) insertion(table string) string {
	columns := tables[table]
	text := "INSERT INTO " + table + " (" + columns + ") VALUES (?" + strings.Repeat(", ?", strings.Count(columns, ",")) + ")"
	if f.postgres {
		text += " RETURNING id"
	}
	return f.marks(text)
}

// write commits what waits together, on SQLite: as keyrack does, a change that
// comes while others are written joins them. On PostgreSQL, where many write at
// once, each is committed by itself.
func (f *bare) write(ctx context.Context) {
	for first := range f.queue {
		batch := []*change{first}
		err := f.commit(ctx, &batch)
		for _, c := range batch {
			c.done <- err
		}
	}
}

// batchLimit is how many changes share a commit at most.
const batchLimit = 128

func (f *bare) commit(ctx context.Context, batch *[]*change) error {
	tx, err := f.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for c := (*batch)[0]; c != nil; c = f.join(batch) {
		if err := f.insert(ctx, tx, c); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// join takes one more change into a batch, if one waits.
func (f *bare) join(batch *[]*change) *change {
	if f.postgres || len(*batch) == batchLimit {
		return nil
	}
	select {
	case next := <-f.queue:
		*batch = append(*batch, next)
		return next
	default:
		return nil
	}
}

func (f *bare) insert(ctx context.Context, tx *sql.Tx, c *change) error {
	var first int64
	for n, r := range c.records {
		id, err := f.insertRow(ctx, tx.StmtContext(ctx, f.inserts[r.table]), r.values(first)) // closed with tx
		if err != nil {
			return err
		}
		if n == 0 {
			first = id
		}
	}
	return nil
}

func (f *bare) insertRow(ctx context.Context, stmt *sql.Stmt, values []any) (id int64, err error) {
	if f.postgres {
		err = stmt.QueryRowContext(ctx, values...).Scan(&id)
		return id, err
	}
	done, err := stmt.ExecContext(ctx, values...)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

// plain is a record that depends on nothing.
func plain(table string, values ...any) record {
	return record{table, func(int64) []any { return values }}
}

// newKeyIn is the body of a request for a key.
type newKeyIn struct {
	Name string `json:"name"`
	Key  string `json:"public_key"`
}

// create takes a key as keyrack's faces do: key, revision, evidence, audit event.
func (f *bare) create(w http.ResponseWriter, r *http.Request) {
	var in newKeyIn
	public, ok := readKeyIn(w, r, &in, &in.Key)
	if !ok {
		return
	}
	f.put(w, r, f.newKey(in, public.Marshal()))
}

func (f *bare) newKey(in newKeyIn, blob []byte) []record {
	now, id := f.time(time.Now()), uuid.Must(uuid.NewV7())
	m, s, l := md5.Sum(blob), sha256.Sum256(blob), sha512.Sum512(blob)
	short, uid, owner := id.String()[24:], f.uuid(id), f.owner()
	records := []record{
		plain("keys", uid, short, owner, in.Name, strings.ToLower(in.Name), in.Key, "ssh-ed25519", 256, blob, m[:], s[:], l[:], false, now, now),
		{"revisions", func(key int64) []any {
			return []any{key, uid, 1, "added", short, owner, in.Name, in.Key, blob, false, now, now, 3, "maker", owner, "made", now}
		}},
		{"evidence", func(key int64) []any { return []any{key, "pasted", now, "127.0.0.1", ""} }},
		f.audit(now, "key.add", "key "+id.String()),
	}
	if !f.postgres { // where the index of names is the database's own
		records = append(records, record{"key_names", func(key int64) []any { return []any{key, strings.ToLower(in.Name)} }})
	}
	return records
}

func (f *bare) audit(now any, action, object string) record {
	return plain("audit_events", now, 3, "maker", f.owner(), 0, action, object, "floor", "127.0.0.1", "done", "")
}

// want makes a session for a key that is to be proven: session, key, audit event.
func (f *bare) want(w http.ResponseWriter, r *http.Request) {
	var in newKeyIn
	public, ok := readKeyIn(w, r, &in, &in.Key)
	if !ok {
		return
	}
	now, id, key := f.time(time.Now()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	f.put(w, r, []record{
		plain("sessions", f.uuid(id), f.project, "verify", hex(id.String())[12:], "pending", false, false, false, false, 1, 0, now, now),
		{"wanted_keys", func(session int64) []any { return []any{f.uuid(key), session, in.Name, public.Marshal()} }},
		f.audit(now, "session.add", "session "+id.String()),
	})
}

// manage takes a private key and seals it: managed key, version, audit event.
func (f *bare) manage(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Identifier string `json:"identifier"`
		Username   string `json:"username"`
		Name       string `json:"key_name"`
		Private    string `json:"private_key"`
		Public     string `json:"public_key"`
	}
	if _, ok := readKeyIn(w, r, &in, &in.Public); !ok {
		return
	}
	now, id := f.time(time.Now()), uuid.Must(uuid.NewV7())
	nonce := random(f.sealer.NonceSize())
	sealed := f.sealer.Seal(nonce, nonce, []byte(in.Private), []byte(in.Identifier))
	f.put(w, r, []record{
		plain("managed_keys", f.uuid(id), "ssh-key", in.Identifier, in.Username, in.Name, f.device, "[]", false, 1, f.application, now, now, now),
		{"managed_key_versions", func(key int64) []any { return []any{key, 1, in.Public, sealed, 6, "deploy/ci", now} }},
		f.audit(now, "managedkey.add", "managed key "+id.String()),
	})
}

func newSealer() (cipher.AEAD, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// readKeyIn reads a body and the key in it, or refuses.
func readKeyIn(w http.ResponseWriter, r *http.Request, in any, text *string) (ssh.PublicKey, bool) {
	err := json.NewDecoder(r.Body).Decode(in)
	if err == nil {
		var public ssh.PublicKey
		if public, _, _, _, err = ssh.ParseAuthorizedKey([]byte(*text)); err == nil { //nolint:dogsled // only the key is wanted
			return public, true
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
	return nil, false
}

// put waits until all is committed, and answers with as many bytes as asked for.
func (f *bare) put(w http.ResponseWriter, r *http.Request, records []record) {
	c := &change{records, make(chan error, 1)}
	f.queue <- c
	if err := <-c.done; err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("bytes")) // none: 0
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, strings.Repeat("x", min(max(n, 0), 1<<16)))
}
