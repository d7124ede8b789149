package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"keyrack/test/rig"
)

// check is a way to be let in. What it costs is the CPU time of the cheapest
// request that needs it, less that of the same request refused for having no
// credentials: both pass through all of HTTP and the face, and neither does any
// work, nor is either an error of the server's own, which it would log.
// It is told as a part of a read that needs the same check.
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
		name:   "API key (SSHVerify)", // a body that cannot be read is looked up nowhere
		passed: row{status: 400, ask: func(world, int) request { return post(sessionsPath, "{", asProject) }},
		bare:   row{status: 401, ask: func(world, int) request { return post(sessionsPath, "{", stranger) }},
		read:   row{status: 200, ask: func(w world, _ int) request { return get(sessionsPath+w.session+"/", asProject) }},
	},
	{
		name:   "JWT (Raidboxes)", // an id that cannot be is looked up nowhere
		passed: row{status: 404, ask: func(w world, _ int) request { return remove("/v1/ssh-keys/-", w.reader) }},
		bare:   row{status: 401, ask: func(world, int) request { return remove("/v1/ssh-keys/-", stranger) }},
		read:   row{status: 200, ask: func(w world, _ int) request { return get("/v1/ssh-keys", w.reader) }},
	},
	{
		name:   "OAuth access token (senhasegura)", // fields that cannot be read are looked up nowhere
		passed: row{status: 400, ask: func(w world, _ int) request { return post("/api/pam/device?%zz", "", w.pam) }},
		bare:   row{status: 404, ask: func(world, int) request { return post("/api/pam/device?%zz", "", stranger) }},
		read:   row{status: 200, ask: func(w world, _ int) request { return get("/api/pam/device/1", w.pam) }},
	},
	{
		name:   "token (Waldur)",
		passed: row{status: 200, ask: func(world, int) request { return get("/api/version/", asAdmin) }},
		bare:   row{status: 401, ask: func(world, int) request { return get("/api/version/", stranger) }},
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

// stranger has all headers of the others but the credential.
var stranger = http.Header{"Content-Type": {"application/json"}}

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

// pairs is how often a request is measured with and without credentials in turn.
// What lies between the two is less than what a machine does otherwise meanwhile:
// the median difference counts.
const pairs = 9

// check gives the line of one.
func (o options) check(ctx context.Context, s *rig.Server, w world, c check) string {
	const clients = 8 // keeps all cores busy, so that idling costs nothing
	measure := func(r row) result { return o.drive(ctx, s.HTTP, s.PID, clients, w, r.ask, r.status) }
	read := measure(c.read)
	failed := read
	o.span /= 3
	var passed, bare, costs []time.Duration
	for range pairs {
		with, without := measure(c.passed), measure(c.bare)
		passed, bare, costs = append(passed, with.cpu), append(bare, without.cpu), append(costs, with.cpu-without.cpu)
		for _, r := range []result{with, without} {
			if !r.sound() {
				failed = r
			}
		}
	}
	if !failed.sound() {
		return fmt.Sprintf("| %s | %s | | | | | |", c.name, failed.columns()[0])
	}
	part := float64(middle(costs)) / float64(max(read.cpu, 1))
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %.2f | %.1f%s |", c.name, micros(middle(passed)), micros(middle(bare)),
		micros(middle(costs)), micros(read.cpu), part, checkLimit, short(part > checkLimit))
}

func middle(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }

func micros(d time.Duration) string { return d.Round(time.Microsecond).String() }
