package cli

import (
	"errors"

	"keyrack/internal/backup"
	"keyrack/internal/core"
	"keyrack/internal/server"
	"keyrack/internal/vault"
	"keyrack/internal/yamlfile"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // wrong usage or configuration
	exitState       = 3 // refused because of state
	exitCredentials = 4 // credentials, a wrong master key too
	exitNotFound    = 5
	exitPartly      = 6 // partly done
	exitNegative    = 7 // a check says no
)

// usageError is a mistake in flags, arguments or configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errNegative is the result of a check that found something.
var errNegative = errors.New("the check found problems")

// errPartly is the result of a command that could do only a part.
var errPartly = errors.New("not all of it could be done")

// exitCode gives the code of an error; its order is that of precedence.
func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	for _, known := range []struct {
		err  error
		code int
	}{
		{errNegative, exitNegative},
		{errPartly, exitPartly},
		{server.ErrLocked, exitState},
		{server.ErrUnfinished, exitState},
		{backup.ErrIdentity, exitCredentials},
		{backup.ErrNewer, exitState},
		{backup.ErrDamaged, exitNegative},
		{server.ErrNoStore, exitNotFound},
		{vault.ErrMasterKeyMissing, exitCredentials},
		{vault.ErrMasterKeyWrong, exitCredentials},
		{vault.ErrMasterKeyExposed, exitCredentials},
		{vault.ErrKeysetMissing, exitCredentials},
		{vault.ErrKeysetDamaged, exitCredentials},
		{vault.ErrKMS, exitCredentials},
		{vault.ErrBusy, exitState},
		{vault.ErrNotYet, exitState},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return kindCode(core.KindOf(err))
}

func kindCode(k core.Kind) int {
	switch k {
	case core.Invalid:
		return exitUsage
	case core.Conflict:
		return exitState
	case core.Unauthenticated, core.Denied:
		return exitCredentials
	case core.NotFound:
		return exitNotFound
	case core.Internal, core.Limited, core.Unavailable:
	}
	return exitFailed
}

// complain tells people what went wrong, each problem on a line of its own.
func (a *app) complain(err error) {
	e, ok := errors.AsType[*core.Error](err)
	if _, inFile := errors.AsType[*yamlfile.Error](err); inFile || !ok || len(e.Fields) == 0 {
		for line := range lines(err.Error()) {
			a.say("keyrack: %s", printable(line))
		}
		return
	}
	for _, f := range e.Fields {
		a.say("keyrack: %s", printable(f.Path+": "+f.Msg))
	}
}
