package server

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"keyrack/internal/config"
	"keyrack/internal/face"
)

// Route is something that is served by HTTP.
type Route struct {
	Face       string // or "server"
	Method     string
	Path       string // with {name} for its parameters
	Public     bool   // no credentials asked
	Credential string // what the face takes for one; of a public route "none"
	Needs      string // who may; of a public route: why everybody
}

// accessFile is the reviewed list of who gets what at which route. Its columns
// from the fifth on are what a test holds the running server to.
//
//go:embed access.csv
var accessFile []byte

// credentials is what each face takes for a credential.
var credentials = map[string]string{
	"native":      "host token as Bearer",
	"sshverify":   "API key of a project in x-api-key",
	"raidboxes":   "JWT of a login as Bearer",
	"foreman":     "Basic with password or personal access token, session cookie, OAuth 1.0",
	"waldur":      "Token of an account, or the same as Bearer",
	"senhasegura": "access token of OAuth 2.0 as Bearer, OAuth 1.0",
}

// Routes lists what a server with this configuration serves: its own paths
// first, then the faces by name, each in the order of its route table.
func Routes(c config.Config) ([]Route, error) {
	needs, err := readNeeds()
	if err != nil {
		return nil, err
	}
	s := &server{
		Options: Options{Config: c, Log: slog.New(slog.DiscardHandler)},
		metrics: prometheus.NewRegistry(), local: &Local{}, // nothing is asked of it
	}
	var all []Route
	for path := range s.own() {
		all = append(all, Route{Face: "server", Method: http.MethodGet, Path: path, Public: true})
	}
	slices.SortFunc(all, func(a, b Route) int { return cmp.Compare(a.Path, b.Path) })
	all = append(all, s.faces().routes()...)
	for i, r := range all {
		all[i].Needs = needs[r.key()]
		if all[i].Credential = credentials[r.Face]; r.Public {
			all[i].Credential = "none"
		}
	}
	return all, nil
}

func (r Route) key() string { return r.Face + " " + r.Method + " " + r.Path }

func (d dispatcher) routes() []Route {
	var all []Route
	for name, m := range d {
		for _, r := range m.Handler.(interface{ Routes() []face.Route }).Routes() {
			all = append(all, Route{Face: name, Method: r.Method, Path: r.Path, Public: r.Public})
		}
	}
	slices.SortStableFunc(all, func(a, b Route) int { return cmp.Compare(a.Face, b.Face) })
	return all
}

// readNeeds gives for each route who may.
func readNeeds() (map[string]string, error) {
	rows, err := csv.NewReader(bytes.NewReader(accessFile)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("access.csv: %w", err)
	}
	needs := map[string]string{}
	for _, row := range rows {
		needs[Route{Face: row[0], Method: row[1], Path: row[2]}.key()] = row[3]
	}
	return needs, nil
}
