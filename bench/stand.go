package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"keyrack/test/rig"
)

// stand is keyrack on a store, ready to be loaded and measured.
type stand struct {
	program rig.Program
	store   string       // as the floor is told: a file or a URL
	cluster *rig.Cluster // nil: SQLite
	kept    bool
}

// stand sets one up, in a directory of its own.
func (o options) stand(ctx context.Context, db string) (*stand, error) {
	dir, err := o.place(db)
	if err != nil {
		return nil, err
	}
	settings := filepath.Join(dir, "keyrack.yaml")
	p := rig.Program{Bin: o.bin, Dir: dir, Args: []string{"--config", settings}}
	s := &stand{program: p, store: filepath.Join(p.Data(), "keyrack.db"), kept: o.dir != ""}
	if err := os.WriteFile(settings, []byte(configuration), 0o600); err != nil {
		return nil, err
	}
	if db == "sqlite" {
		return s, nil
	}
	if s.cluster, err = rig.OpenCluster(ctx, filepath.Join(dir, "pg"), "shared_buffers = 512MB"); err != nil {
		return nil, err
	}
	s.store = s.cluster.URL("keyrack")
	s.program.URL = s.store
	return s, nil
}

// place is the directory: a new one, or the one of an earlier run that had as
// many keys. The server of PostgreSQL, another user, passes through it.
func (o options) place(db string) (dir string, err error) {
	if o.dir == "" {
		dir, err = os.MkdirTemp("", "keyrack-bench-")
	} else {
		dir, err = filepath.Abs(filepath.Join(o.dir, fmt.Sprintf("%s-%d", db, o.keys)))
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o711)
	}
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	return dir, err
}

// end stops what runs, and removes what is not kept.
func (s *stand) end() {
	if s.cluster != nil {
		s.cluster.Stop(syscall.SIGINT)
	}
	if !s.kept {
		_ = os.RemoveAll(s.program.Dir) // it is a temporary one
	}
}

// load fills the store, unless an earlier run did.
func (o options) load(ctx context.Context, s *stand, r *report) error {
	done := filepath.Join(s.program.Dir, "loaded")
	if _, err := os.Stat(done); err == nil {
		r.say("Loaded with %d keys by an earlier run.\n", o.keys)
		return nil
	}
	if s.cluster != nil {
		if err := s.cluster.Exec(ctx, "postgres", "CREATE DATABASE keyrack"); err != nil {
			return err
		}
	}
	if err := o.fill(ctx, s.program, r); err != nil {
		return err
	}
	if s.cluster != nil { // autovacuum would come by and by
		if err := s.cluster.Exec(ctx, "keyrack", "VACUUM ANALYZE"); err != nil {
			return err
		}
	}
	return os.WriteFile(done, nil, 0o600)
}
