package main

import (
	"context"
	"crypto/cipher"
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
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the drivers that the server uses
	"modernc.org/sqlite"
)

// bare is the least that a server can be: the library, the driver, the same
// statements with the same settings of the database, and nothing that checks or
// records who asks.
type bare struct {
	reads, writes *sql.DB
	postgres      bool
	byLogin       *sql.Stmt
	byID          *sql.Stmt
	bySum         *sql.Stmt
	inserts       map[string]*sql.Stmt // by table
	queue         chan *change
	sealer        cipher.AEAD

	owners                       []int64 // who gets new keys, in turn
	turn                         atomic.Int64
	project, device, application int64
}

// owner is the next one to get a key.
func (f *bare) owner() int64 { return f.owners[int(f.turn.Add(1))%len(f.owners)] }

// serveFloor prints where it listens, for HTTP and for SSH.
func serveFloor(ctx context.Context, store string) error {
	f := &bare{queue: make(chan *change, 1024), inserts: map[string]*sql.Stmt{}, postgres: strings.Contains(store, "://")}
	if err := f.open(ctx, store); err != nil {
		return err
	}
	_, writers := f.connections()
	for range writers {
		go f.write(ctx)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /nothing", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /fixed", fixed)
	mux.HandleFunc("GET /login/{login}", f.login)
	mux.HandleFunc("GET /key/{id}", f.key)
	mux.HandleFunc("GET /fingerprint/{sum}", f.fingerprint)
	mux.HandleFunc("POST /key", f.create)
	mux.HandleFunc("POST /wanted", f.want)
	mux.HandleFunc("POST /managed", f.manage)
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

// pragmas are those that keyrack sets: the same durability, the same caches.
var pragmas = url.Values{"_txlock": {"immediate"}, "_pragma": {
	"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "mmap_size(8589934592)",
	"journal_size_limit(67108864)", "temp_store(MEMORY)", "cache_size(-16000)", "wal_autocheckpoint(4000)", "trusted_schema(OFF)",
}}

// connections is how many read and how many write at once.
func (f *bare) connections() (readers, writers int) {
	if f.postgres {
		return 20, 20
	}
	return max(2, runtime.NumCPU()), 1
}

func (f *bare) open(ctx context.Context, store string) (err error) {
	// The cluster is set to lose what it has just committed; keyrack says otherwise, too.
	driver, address := "pgx", store+"&synchronous_commit=on"
	if !f.postgres {
		driver, address = "sqlite", "file:"+store+"?"+pragmas.Encode()
		_, _ = sqlite.Fdatasync(true) // as keyrack
	}
	if f.reads, err = sql.Open(driver, address); err != nil {
		return err
	}
	if f.writes, err = sql.Open(driver, address); err != nil {
		return err
	}
	readers, writers := f.connections()
	for db, n := range map[*sql.DB]int{f.reads: readers, f.writes: writers} {
		db.SetMaxOpenConns(n)
		db.SetMaxIdleConns(n)
	}
	if f.sealer, err = newSealer(); err != nil {
		return err
	}
	if err := f.prepare(ctx); err != nil {
		return err
	}
	return f.meet(ctx)
}

const columns = "SELECT k.id, k.uuid, k.short_id, k.owner, k.name, k.text, k.blob, k.shared, k.created_at, k.updated_at FROM keys k "

func (f *bare) prepare(ctx context.Context) (err error) {
	for stmt, text := range map[**sql.Stmt]string{
		&f.byLogin: columns + "JOIN accounts a ON a.id = k.owner WHERE lower(a.login) = ? ORDER BY k.id",
		&f.byID:    columns + "WHERE k.uuid = ?",
		&f.bySum:   columns + "WHERE " + f.hasSum() + " ORDER BY k.id",
	} {
		if *stmt, err = f.reads.PrepareContext(ctx, f.marks(text)); err != nil { //nolint:sqlclosecheck // kept as long as the process
			return err
		}
	}
	for table := range tables {
		if table == "key_names" && f.postgres { // which has none
			continue
		}
		if f.inserts[table], err = f.writes.PrepareContext(ctx, f.insertion(table)); err != nil { //nolint:sqlclosecheck // likewise
			return err
		}
	}
	return nil
}

// hasSum finds a fingerprint as the schema's index has it.
func (f *bare) hasSum() string {
	if f.postgres {
		return "k.sha256 = ?"
	}
	return "substr(k.sha256, 1, 8) = substr(?1, 1, 8) AND k.sha256 = ?1"
}

// meet learns who there is to write for.
func (f *bare) meet(ctx context.Context) error {
	for id, text := range map[*int64]string{
		&f.project:     "SELECT id FROM projects WHERE name = 'p'",
		&f.device:      "SELECT id FROM devices WHERE hostname = 'web-01'",
		&f.application: "SELECT id FROM applications WHERE name = 'deploy'",
	} {
		if err := f.reads.QueryRowContext(ctx, text).Scan(id); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	rows, err := f.reads.QueryContext(ctx, "SELECT id FROM accounts WHERE id BETWEEN 2 AND $1", 1+makers)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		f.owners = append(f.owners, id)
	}
	return rows.Err()
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
	ID, Owner         int64
	Short, Name, Text string
	UUID              any // its bytes or, from PostgreSQL, its text
	Blob              []byte
	Shared            bool
	Created, Updated  any
}

// shown is a key in JSON, with the members that Waldur's interface has.
type shown struct {
	URL    string `json:"url"`
	UUID   string `json:"uuid"`
	Name   string `json:"name"`
	Text   string `json:"public_key"`
	MD5    string `json:"fingerprint_md5"`
	SHA256 string `json:"fingerprint_sha256"`
	SHA512 string `json:"fingerprint_sha512"`
	User   string `json:"user_uuid"`
	Shared bool   `json:"is_shared"`
	Type   string `json:"type"`
}

func show(k found) shown {
	m, s, l := md5.Sum(k.Blob), sha256.Sum256(k.Blob), sha512.Sum512(k.Blob)
	id, isText := k.UUID.(string)
	if !isText {
		id = fmt.Sprintf("%x", k.UUID)
	}
	id = hex(id)
	word, _, _ := strings.Cut(k.Text, " ")
	return shown{
		URL: "http://127.0.0.1:65535/api/keys/" + id + "/", UUID: id, Name: k.Name, Text: k.Text, User: id, Shared: k.Shared, Type: word,
		MD5:    strings.ReplaceAll(fmt.Sprintf("% x", m), " ", ":"),
		SHA256: "SHA256:" + base64.RawStdEncoding.EncodeToString(s[:]),
		SHA512: "SHA512:" + base64.StdEncoding.EncodeToString(l[:]),
	}
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

// answer finds rows and writes them, or 404.
func (f *bare) answer(w http.ResponseWriter, r *http.Request, stmt *sql.Stmt, arg any, write func([]found)) {
	all, err := f.rows(r.Context(), stmt, arg)
	if err != nil || len(all) == 0 {
		http.Error(w, fmt.Sprint("nothing ", err), http.StatusNotFound)
		return
	}
	write(all)
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
	f.answer(w, r, f.byID, f.uuid(id), func(all []found) { _ = json.NewEncoder(w).Encode(show(all[0])) })
}

func (f *bare) fingerprint(w http.ResponseWriter, r *http.Request) {
	sum, err := base64.RawURLEncoding.DecodeString(r.PathValue("sum"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.answer(w, r, f.bySum, sum, func(all []found) {
		var keys []shown
		for _, k := range all {
			keys = append(keys, show(k))
		}
		_ = json.NewEncoder(w).Encode(keys)
	})
}
