package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// commands are what scripts can say beyond testscript's own words.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":    exits,
	"start":    begin,
	"serve":    serve,
	"await":    await,
	"output":   output,
	"signal":   sendSignal,
	"ended":    ended,
	"trust":    trust,
	"api":      api,
	"is":       is,
	"let":      let,
	"expand":   expand,
	"agent":    agent,
	"identity": identity,
	"engine":   engine,
	"sshd":     sshd,
	"half":     half,
	"silent":   silent,
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func want(ts *testscript.TestScript, neg, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// exits CODE PROGRAM ARGS... runs a program that must end with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 1, "exits CODE PROGRAM ARGS...")
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = e.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// start NAME PROGRAM ARGS... runs a program beside the script.
func begin(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 1, "start NAME PROGRAM ARGS...")
	beside(ts, args[0], args[1], args[2:]...)
}

func beside(ts *testscript.TestScript, name, program string, args ...string) *process {
	p, err := start(command(ts, program, args...))
	ts.Check(err)
	worldOf(ts).procs[name] = p
	return p
}

// command makes a command in the script's directory and environment.
func command(ts *testscript.TestScript, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(worldOf(ts).t.Context(), lookUp(ts, program), args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = environment(ts)
	return cmd
}

// lookUp finds a program in the script's PATH.
func lookUp(ts *testscript.TestScript, program string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return program
}

// environment is the script's, as far as programs look at it.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "LC_ALL", "GORACE", "GOCOVERDIR", "NO_PROXY", "SSH_AUTH_SOCK",
		"KEYRACK_DATA_DIR", "KEYRACK_DATABASE_URL", "KEYRACK_TOKEN_FILE",
	} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// serve NAME ARGS... runs `keyrack serve` on free ports and waits until it
// listens. $NAME_HTTP and $NAME_SSH are its addresses, $NAME_PORT is the port of the
// latter, $NAME_PID its process; ssh trusts the host keys in its data directory.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 0, "serve NAME ARGS...")
	name := args[0]
	ready := ts.MkAbs(name + ".ready")
	_ = os.Remove(ready) // of an earlier run
	flags := append([]string{"serve", "--http-addr", "127.0.0.1:0", "--ssh-addr", "127.0.0.1:0", "--ready-file", ready}, args[1:]...)
	p := beside(ts, name, "keyrack", flags...)
	text, err := p.awaitFile(ready)
	ts.Check(err)
	var running struct {
		HTTP, SSH string
		PID       int
	}
	ts.Check(json.Unmarshal(text, &running))
	_, port, err := net.SplitHostPort(running.SSH)
	ts.Check(err)
	if running.PID != p.Process.Pid {
		ts.Fatalf("the ready file names process %d, want %d", running.PID, p.Process.Pid)
	}
	ts.Setenv(name+"_HTTP", running.HTTP)
	ts.Setenv(name+"_SSH", running.SSH)
	ts.Setenv(name+"_PORT", port)
	ts.Setenv(name+"_PID", strconv.Itoa(running.PID))
	trust(ts, false, []string{port, dataDir(ts, args)})
}

// dataDir is the data directory that a command line names.
func dataDir(ts *testscript.TestScript, args []string) string {
	for i, a := range args[:len(args)-1] {
		if a == "--data-dir" {
			return args[i+1]
		}
	}
	return ts.Getenv("KEYRACK_DATA_DIR")
}

// process finds what `start` or `serve` has begun.
func running(ts *testscript.TestScript, name string) *process {
	p, ok := worldOf(ts).procs[name]
	if !ok {
		ts.Fatalf("nothing named %s was started", name)
	}
	return p
}

// await NAME REGEXP waits until a process has written what matches. Named
// groups of the expression become variables.
func await(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 2, "await NAME REGEXP")
	p := running(ts, args[0])
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	groups, err := p.await(pattern)
	if err != nil {
		ts.Fatalf("await %s: %v\n%s%s", args[1], err, p.out, p.err)
	}
	for i, name := range pattern.SubexpNames() {
		if name != "" {
			ts.Setenv(name, groups[i])
		}
	}
}

// output NAME takes what a process has written so far for `stdout` and `stderr`.
func output(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 1, "output NAME")
	p := running(ts, args[0])
	_, err := io.WriteString(ts.Stdout(), p.out.String())
	ts.Check(err)
	_, err = io.WriteString(ts.Stderr(), p.err.String())
	ts.Check(err)
}

var signals = map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}

// signal NAME TERM|INT|HUP|KILL sends a process a signal.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 2 && signals[args[1]] != nil, "signal NAME TERM|INT|HUP|KILL")
	ts.Check(running(ts, args[0]).Process.Signal(signals[args[1]]))
}

// ended NAME HOW waits for the end of a process, which must be the exit code or
// the signal named; then it is as after `output`.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 1, "ended NAME EXITCODE|SIGNAL")
	how, err := running(ts, args[0]).ended()
	ts.Check(err)
	output(ts, false, args[:1])
	if want := strings.Join(args[1:], " "); how != want {
		ts.Fatalf("%s ended with %s, want %s", args[0], how, want)
	}
}

// trust PORT DATADIR lets ssh know the host keys of a data directory.
func trust(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 2, "trust PORT DATADIR")
	for _, name := range []string{"ssh_host_ed25519_key", "ssh_host_rsa_key"} {
		text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[1]), name))
		ts.Check(err)
		key, err := ssh.ParsePrivateKey(text)
		ts.Check(err)
		know(ts, args[0], key.PublicKey())
	}
}

// know adds a line to the known hosts.
func know(ts *testscript.TestScript, port string, key ssh.PublicKey) {
	f, err := os.OpenFile(filepath.Join(ts.Getenv("WORK"), "known_hosts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = fmt.Fprintf(f, "[127.0.0.1]:%s %s", port, ssh.MarshalAuthorizedKey(key))
	ts.Check(errors.Join(err, f.Close()))
}

// api STATUS METHOD PATH [BODY] asks the SSHVerify interface of the server that
// was started as S with curl, as the project whose key is in $KEY, and demands
// the status. Paths begin below collect/sessions/.
func api(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 3 || len(args) == 4, "api STATUS METHOD PATH [BODY]")
	curl := []string{
		"-sS", "-X", args[1], "http://" + ts.Getenv("S_HTTP") + "/api/v1/ssh/collect/sessions/" + args[2],
		"-H", "x-api-key: " + ts.Getenv("KEY"), "-o", "-", "-w", "%{stderr}%{http_code}",
	}
	if len(args) == 4 {
		curl = append(curl, "-H", "content-type: application/json", "-d", args[3])
	}
	ts.Check(ts.Exec("curl", curl...))
	if status := ts.ReadFile("stderr"); status != args[0] {
		ts.Fatalf("status %s, want %s", status, args[0])
	}
}

// is FILTER asks jq whether the JSON in stdout is so.
func is(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, false, len(args) == 1, "[!] is FILTER")
	if got := jq(ts, args[0]); (got == "true") == neg {
		ts.Fatalf("%s is %s in\n%s", args[0], got, ts.ReadFile("stdout"))
	}
}

// let VARIABLE FILTER takes a value out of the JSON in stdout.
func let(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 2, "let VARIABLE FILTER")
	value := jq(ts, args[1])
	if value == "" || value == "null" {
		ts.Fatalf("%s gives nothing in\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], value)
}

func jq(ts *testscript.TestScript, filter string) string {
	cmd := command(ts, "jq", "-r", filter)
	cmd.Stdin = strings.NewReader(ts.ReadFile("stdout"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		ts.Fatalf("jq %s: %v: %s", filter, err, out)
	}
	return strings.TrimSpace(string(out))
}

// identity NAME makes an age identity in the file of that name; $NAME is its recipient.
func identity(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) == 1, "identity NAME")
	made, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(made.String()), 0o600))
	ts.Setenv(args[0], made.Recipient().String())
}

// expand FILE... replaces variables in files.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 0, "expand FILE...")
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}
