package main

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the drivers that the server uses
	"golang.org/x/crypto/ssh"
	_ "modernc.org/sqlite"
)

// bare is the least that a server can be: the library, the driver, the same
// statements, and nothing that checks or records who asks.
type bare struct {
	reads, writes *sql.DB
	postgres      bool
	byLogin       *sql.Stmt
	byID          *sql.Stmt
	bySum         *sql.Stmt
	inserts       [4]*sql.Stmt
	queue         chan *insertion
	owner         int64
}

// insertion is a key that waits for the next commit.
type insertion struct {
	name, text string
	blob       []byte
	done       chan error
}

// serveFloor prints where it listens, for HTTP and for SSH.
func serveFloor(ctx context.Context, store string) error {
	f := &bare{queue: make(chan *insertion, 1024), postgres: strings.Contains(store, "://")}
	if err := f.open(ctx, store); err != nil {
		return err
	}
	workers := 1
	if f.postgres {
		workers = 16
	}
	for range workers {
		go f.write(ctx)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /nothing", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /login/{login}", f.login)
	mux.HandleFunc("GET /key/{id}", f.key)
	mux.HandleFunc("GET /fingerprint/{sum}", f.fingerprint)
	mux.HandleFunc("POST /key", f.create)
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a socket on loopback opens at once
	if err != nil {
		return err
	}
	sshd, err := serveSSH()
	if err != nil {
		return err
	}
	fmt.Println(l.Addr(), sshd)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}

func (f *bare) open(ctx context.Context, store string) (err error) {
	driver, args := "pgx", store
	if !f.postgres {
		driver = "sqlite"
		args = store + "?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=mmap_size(8589934592)&_txlock=immediate"
	}
	if f.reads, err = sql.Open(driver, args); err != nil {
		return err
	}
	if f.writes, err = sql.Open(driver, args); err != nil {
		return err
	}
	readers, writers := max(2, runtime.NumCPU()), 1
	if f.postgres {
		readers, writers = 20, 16
	}
	for db, n := range map[*sql.DB]int{f.reads: readers, f.writes: writers} {
		db.SetMaxOpenConns(n)
		db.SetMaxIdleConns(n)
	}
	return f.prepare(ctx)
}

const columns = "SELECT k.id, k.uuid, k.short_id, k.owner, k.name, k.text, k.blob, k.shared, k.created_at, k.updated_at FROM keys k "

func (f *bare) prepare(ctx context.Context) (err error) {
	for stmt, text := range map[**sql.Stmt]string{
		&f.byLogin: columns + "JOIN accounts a ON a.id = k.owner WHERE lower(a.login) = ? ORDER BY k.id",
		&f.byID:    columns + "WHERE k.uuid = ?",
		&f.bySum:   columns + "WHERE k.sha256 = ? ORDER BY k.id",
	} {
		if *stmt, err = f.reads.PrepareContext(ctx, f.marks(text)); err != nil { //nolint:sqlclosecheck // kept as long as the process
			return err
		}
	}
	for i, table := range []string{
		"keys (uuid, short_id, owner, name, folded, text, algorithm, bits, blob, md5, sha256, sha512, shared, created_at, updated_at)",
		"revisions (key_id, key_uuid, number, action, short_id, owner, name, text, blob, shared, key_created_at, key_updated_at, actor_kind, actor_name, account_id, comment, at)",
		"evidence (key_id, grade, at, address, client_version)",
		"audit_events (at, actor_kind, actor_name, account_id, project_id, action, object, face, address, outcome, detail)",
	} {
		text := "INSERT INTO " + table + " VALUES (?" + strings.Repeat(", ?", strings.Count(table, ",")) + ") RETURNING id"
		if f.inserts[i], err = f.writes.PrepareContext(ctx, f.marks(text)); err != nil { //nolint:sqlclosecheck // likewise
			return err
		}
	}
	return f.reads.QueryRowContext(ctx, "SELECT id FROM accounts WHERE login = 'asker'").Scan(&f.owner)
}

// marks gives a statement the marks that the database has for its arguments.
func (f *bare) marks(text string) string {
	for n := 1; f.postgres && strings.Contains(text, "?"); n++ {
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", n), 1)
	}
	return text
}

func (f *bare) uuid(id uuid.UUID) any {
	if f.postgres {
		return id
	}
	return id[:]
}

func (f *bare) time(t time.Time) any {
	if f.postgres {
		return t
	}
	return t.UnixMicro()
}

// found is a row as the driver gives it.
type found struct {
	ID, Owner        int64
	Short, Name      string
	Text             string
	UUID, Blob       any `json:"-"`
	Shared           bool
	Created, Updated any
}

func (f *bare) rows(ctx context.Context, stmt *sql.Stmt, arg any) (all []found, err error) {
	rows, err := stmt.QueryContext(ctx, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r found
		if err := rows.Scan(&r.ID, &r.UUID, &r.Short, &r.Owner, &r.Name, &r.Text, &r.Blob, &r.Shared, &r.Created, &r.Updated); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

func (f *bare) answer(w http.ResponseWriter, r *http.Request, stmt *sql.Stmt, arg any, show func([]found)) {
	all, err := f.rows(r.Context(), stmt, arg)
	if err != nil || len(all) == 0 {
		http.Error(w, fmt.Sprint("nothing ", err), http.StatusNotFound)
		return
	}
	show(all)
}

func (f *bare) login(w http.ResponseWriter, r *http.Request) {
	f.answer(w, r, f.byLogin, strings.ToLower(r.PathValue("login")), func(all []found) {
		for _, k := range all {
			_, _ = io.WriteString(w, k.Text+"\n")
		}
	})
}

func (f *bare) key(w http.ResponseWriter, r *http.Request) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.answer(w, r, f.byID, f.uuid(id), func(all []found) { _ = json.NewEncoder(w).Encode(all[0]) })
}

func (f *bare) fingerprint(w http.ResponseWriter, r *http.Request) {
	sum, err := base64.RawURLEncoding.DecodeString(r.PathValue("sum"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.answer(w, r, f.bySum, sum, func(all []found) { _ = json.NewEncoder(w).Encode(all) })
}

func (f *bare) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
		Key  string `json:"public_key"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(in.Key)) //nolint:dogsled // only the key is wanted
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i := &insertion{name: in.Name, text: in.Key, blob: public.Marshal(), done: make(chan error, 1)}
	f.queue <- i
	if err := <-i.done; err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(in)
}

// write commits what waits together: on SQLite all of it, on PostgreSQL, where
// many write at once, each by itself.
func (f *bare) write(ctx context.Context) {
	for first := range f.queue {
		batch := []*insertion{first}
		for more := !f.postgres; more && len(batch) < 128; {
			select {
			case next := <-f.queue:
				batch = append(batch, next)
			default:
				more = false
			}
		}
		err := f.commit(ctx, batch)
		for _, i := range batch {
			i.done <- err
		}
	}
}

func (f *bare) commit(ctx context.Context, batch []*insertion) error {
	tx, err := f.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, i := range batch {
		if err := f.insert(ctx, tx, i); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (f *bare) insert(ctx context.Context, tx *sql.Tx, i *insertion) error {
	now, id := f.time(time.Now()), uuid.Must(uuid.NewV7())
	m, s, l := md5.Sum(i.blob), sha256.Sum256(i.blob), sha512.Sum512(i.blob)
	short := id.String()[24:]
	var key int64
	args := [4][]any{
		{f.uuid(id), short, f.owner, i.name, strings.ToLower(i.name), i.text, "ssh-ed25519", 256, i.blob, m[:], s[:], l[:], f.flag(false), now, now},
		{&key, f.uuid(id), 1, "added", short, f.owner, i.name, i.text, i.blob, f.flag(false), now, now, 3, "asker", f.owner, "", now},
		{&key, "pasted", now, "127.0.0.1", ""},
		{now, 3, "asker", f.owner, 0, "key.add", "key " + id.String(), "floor", "127.0.0.1", "done", ""},
	}
	for n, values := range args {
		if values[0] == &key {
			values[0] = key
		}
		var given int64
		if err := tx.StmtContext(ctx, f.inserts[n]).QueryRowContext(ctx, values...).Scan(&given); err != nil { //nolint:sqlclosecheck // closed with tx
			return err
		}
		if n == 0 {
			key = given
		}
	}
	return nil
}

func (f *bare) flag(is bool) any {
	if f.postgres {
		return is
	}
	return map[bool]int{true: 1}[is]
}
