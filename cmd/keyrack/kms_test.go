package main

import (
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"keyrack/internal/transit/transittest"
)

// engine start KEY... starts a transit engine with these keys. $URI before a
// name is the URI of a key, and the files token and ca.pem let a client in.
// engine rotate KEY, engine retire KEY LEAST and engine stop do what they say.
func engine(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, len(args) > 0, "engine start KEY... | rotate KEY | retire KEY LEAST | stop")
	t := worldOf(ts).t
	if args[0] == "start" {
		ts.Check(startEngine(ts, args[1:]))
		return
	}
	s := worldOf(ts).engine
	switch args[0] {
	case "rotate":
		ts.Check(s.Admin().Rotate(t.Context(), args[1]))
	case "retire":
		least, err := strconv.Atoi(args[2])
		ts.Check(err)
		ts.Check(s.Admin().Retire(t.Context(), args[1], least))
	case "stop":
		s.Close()
	}
}

func startEngine(ts *testscript.TestScript, keys []string) error {
	t := worldOf(ts).t
	s := transittest.New(t)
	worldOf(ts).engine = s
	ts.Setenv("URI", s.URI(""))
	for _, name := range keys {
		if err := s.Admin().MakeKey(t.Context(), name); err != nil {
			return err
		}
	}
	if err := os.WriteFile(ts.MkAbs("ca.pem"), s.CA(), 0o600); err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs("token"), []byte(transittest.Token+"\n"), 0o600)
}
