package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is what was measured, printed as it comes and kept for the file.
type report struct {
	text     strings.Builder
	postgres bool // what is measured now
	cells    bool // of it, the table has begun
	yards    bool // the yardstick was told
}

// store begins the part about one store.
func (r *report) store(name string, postgres bool) {
	r.postgres, r.cells = postgres, false
	r.say("\n## %s\n", name)
}

// say prints a line and keeps it.
func (r *report) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Println(line)
	r.text.WriteString(line + "\n")
}

// machine says where it was measured, and how busy that was.
func (r *report) machine() {
	load, _ := os.ReadFile("/proc/loadavg") // what cannot be read is left out
	model := ""
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(cpus)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	average, _, _ := strings.Cut(string(load), " ")
	r.say("Machine: %d cores (%s), %s; load average at the start %s. Client, server and floor share it.",
		runtime.NumCPU(), cmp.Or(model, "unknown"), runtime.Version(), cmp.Or(average, "unknown"))
}

// table begins the table of cells, once.
func (r *report) table() {
	if r.cells {
		return
	}
	r.cells = true
	r.say("| row | connections | requests/s | p50 | p99 | server CPU a request | bytes | floor | its CPU | its bytes | ratio | target |")
	r.say("|---|---|---|---|---|---|---|---|---|---|---|---|")
}

// target is what a row is to reach; what is zero is not asked for.
type target struct {
	ratio  float64 // to the floor
	rate   float64 // requests a second, on 32 connections
	sqlite bool    // rate is asked of SQLite alone
	p99    time.Duration
	at     int // up to so many connections p99 counts
}

// result is what one cell came to.
type result struct {
	rate     float64
	p50, p99 time.Duration
	cpu      time.Duration // of the server, a request
	bytes    int64         // of a reply's body
	failed   int64
	sample   string // of what failed
}

// cell prints one row on one number of connections. What failed has no rate: it
// did something else than the floor.
func (r *report) cell(name string, n int, got, bare result, t target) {
	if t.sqlite && r.postgres {
		t.rate = 0
	}
	r.table()
	r.say("| %s | %d | %s |", name, n, strings.Join(append(got.columns(), got.against(bare, t, n)...), " | "))
}

func (g result) columns() []string {
	if !g.sound() {
		return []string{fmt.Sprintf("FAILED (%d: %.100s)", g.failed, cmp.Or(g.sample, "nothing came back")), "", "", "", ""}
	}
	return []string{
		fmt.Sprintf("%.0f", g.rate), round(g.p50), round(g.p99), g.cpu.Round(time.Microsecond).String(), number(g.bytes),
	}
}

func (g result) sound() bool { return g.failed == 0 && g.rate > 0 }

// against gives the columns that compare.
func (g result) against(bare result, t target, n int) []string {
	columns := []string{"", "", "", "", g.missed(bare, t, n)}
	if bare.failed > 0 {
		columns[0] = fmt.Sprintf("FAILED (%d: %.100s)", bare.failed, bare.sample)
	} else if bare.rate > 0 {
		columns[0], columns[1], columns[2] = fmt.Sprintf("%.0f", bare.rate), bare.cpu.Round(time.Microsecond).String(), number(bare.bytes)
		if g.sound() {
			columns[3] = fmt.Sprintf("%.2f", g.rate/bare.rate)
		}
	}
	return columns
}

// missed tells the targets and whether they are met.
func (g result) missed(bare result, t target, n int) string {
	var all []string
	met := g.sound()
	if t.ratio > 0 {
		all = append(all, fmt.Sprintf("%.1f of the floor", t.ratio))
		met = met && bare.sound() && g.rate/bare.rate >= t.ratio
	}
	if t.rate > 0 && n == 32 {
		all = append(all, fmt.Sprintf("%.0f/s", t.rate))
		met = met && g.rate >= t.rate
	}
	if t.p99 > 0 && n <= t.at {
		all = append(all, "p99 "+t.p99.String())
		met = met && g.p99 <= t.p99
	}
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, ", ") + short(!met)
}

// short marks what is short of its target.
func short(is bool) string {
	if is {
		return ": **short**"
	}
	return ""
}

func round(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
