package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"keyrack/internal/store"
	"keyrack/internal/vault"
)

// health answers whether the process lives and whether it can serve.
type health struct {
	store    *store.Store
	vault    *vault.Vault
	draining atomic.Bool // set once, when the server begins to stop
}

// live answers 200 as long as the process runs.
func (h *health) live(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "ok\n")
}

// ready answers 200 when every part can do its work, else 503 and which
// cannot. It tells no stranger why; the log does.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 4*time.Second)
	defer cancel()
	status, text := http.StatusOK, ""
	for _, c := range h.checks() {
		word := "ok"
		if err := c.check(ctx); err != nil {
			status, word = http.StatusServiceUnavailable, "failed"
		}
		text += fmt.Sprintf("%s %s\n", c.name, word)
	}
	writeText(w, status, text)
}

type check struct {
	name  string
	check func(context.Context) error
}

func (h *health) checks() []check {
	return []check{
		{"serving", h.serving},
		{"database", h.store.Ping},
		{"migrations", h.migrated},
		{"master key", h.sealing},
	}
}

func (h *health) serving(context.Context) error {
	if h.draining.Load() {
		return fmt.Errorf("stopping")
	}
	return nil
}

func (h *health) migrated(ctx context.Context) error {
	versions, err := h.store.Versions(ctx)
	if err != nil {
		return err
	}
	if versions.Current != versions.Newest {
		return fmt.Errorf("database version %d, program version %d", versions.Current, versions.Newest)
	}
	return nil
}

func (h *health) sealing(context.Context) error {
	probe := vault.Record{Kind: "probe", ID: "readyz"}
	sealed, err := h.vault.Seal([]byte("probe"), probe)
	if err != nil {
		return err
	}
	_, err = h.vault.Unseal(sealed, probe)
	return err
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a peer that left needs no answer
}
