package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"keyrack/test/rig"
)

// check is a way to be let in. What it costs is the CPU time of the cheapest
// request that needs it, less that of the same request refused for having no
// credentials: both pass through all of HTTP and the face, and neither does any
// work. It is told as a part of a read that needs the same check.
type check struct {
	name   string
	passed row
	bare   row // the same without credentials
	read   row
}

// checkLimit is the part of a read that a check may cost.
const checkLimit = 0.1

var checks = []check{
	{
		name:   "API key (SSHVerify)",
		passed: row{status: 200, ask: func(world, int) request { return get("/api/v1/auth/info/", asProject) }},
		bare:   row{status: 401, ask: func(world, int) request { return get("/api/v1/auth/info/", nobody) }},
		read:   row{status: 200, ask: func(w world, _ int) request { return get(sessionsPath+w.session+"/", asProject) }},
	},
	{
		name:   "JWT (Raidboxes)", // an id that cannot be is looked up nowhere
		passed: row{status: 404, ask: func(w world, _ int) request { return remove("/v1/ssh-keys/-", w.reader) }},
		bare:   row{status: 401, ask: func(world, int) request { return remove("/v1/ssh-keys/-", nobody) }},
		read:   row{status: 200, ask: func(w world, _ int) request { return get("/v1/ssh-keys", w.reader) }},
	},
	{
		name:   "OAuth access token (senhasegura)", // a key without an id is looked up nowhere
		passed: row{status: 500, ask: func(w world, _ int) request { return get("/api/pam/key", w.pam) }},
		bare:   row{status: 404, ask: func(world, int) request { return get("/api/pam/key", nobody) }},
		read:   row{status: 200, ask: func(w world, _ int) request { return get("/api/pam/device/1", w.pam) }},
	},
	{
		name:   "token (Waldur)",
		passed: row{status: 200, ask: func(world, int) request { return get("/api/version/", asAdmin) }},
		bare:   row{status: 401, ask: func(world, int) request { return get("/api/version/", nobody) }},
		read:   row{status: 200, ask: readKey},
	},
	{
		name: "host token (authorized-keys)", // a fingerprint that is none is looked up nowhere
		passed: row{status: 400, ask: func(world, int) request {
			return get("/api/keyrack/v1/authorized-keys/u1?fingerprint=-", asHost)
		}},
		bare: row{status: 401, ask: func(world, int) request {
			return get("/api/keyrack/v1/authorized-keys/u1?fingerprint=-", nobody)
		}},
		read: row{status: 200, ask: func(world, int) request { return get("/api/keyrack/v1/authorized-keys/u1", asHost) }},
	},
}

func remove(path string, header http.Header) request {
	return request{method: http.MethodDelete, path: path, header: header}
}

// checks measures what it costs to be let in.
func (o options) checks(ctx context.Context, s *rig.Server, w world, r *report) error {
	heading := "\n| check | CPU with it | refused | so it costs | CPU of a read | part | target |\n|---|---|---|---|---|---|---|\n"
	for _, c := range checks {
		if !o.rows.MatchString("check of " + c.name) {
			continue
		}
		line := o.check(ctx, s, w, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.say("%s%s", heading, line)
		heading = ""
	}
	return nil
}

// check gives the line of one.
func (o options) check(ctx context.Context, s *rig.Server, w world, c check) string {
	const clients = 8 // keeps all cores busy, so that idling costs nothing
	var cpu []time.Duration
	for _, row := range []row{c.passed, c.bare, c.read} {
		ours := func() result { return o.drive(ctx, s.HTTP, s.PID, clients, w, row.ask, row.status) }
		cell, _ := o.inTurn(ours, func() result { return result{} })
		if !cell.sound() {
			return fmt.Sprintf("| %s | %s | | | | | |", c.name, cell.columns()[0])
		}
		cpu = append(cpu, cell.cpu)
	}
	passed, bare, read := cpu[0], cpu[1], max(cpu[2], 1)
	part := float64(passed-bare) / float64(read)
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %.2f | %.1f%s |", c.name, micros(passed), micros(bare), micros(passed-bare), micros(read),
		part, checkLimit, short(part > checkLimit))
}

func micros(d time.Duration) string { return d.Round(time.Microsecond).String() }
