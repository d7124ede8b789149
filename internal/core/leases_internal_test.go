package core

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// touching is what the methods of a transaction that change or remove something do
// to leases. A method that is new belongs here, and in [watched] where it changes
// what a credential stands for.
var touching = map[string]touched{
	"UpdateAccount": {true, true}, "DeleteAccount": {true, true},
	"UpdateAPIKey": {true, true}, "DeleteAPIKey": {true, true},
	"UpdateToken": {true, true}, "DeleteToken": {true, true}, "SetTokenUsed": {true, false},
	"SetSignInSeen": {true, false}, "DeleteSignIns": {true, true},
	"UpdateTicket": {true, false}, "DeleteTickets": {true, true}, "RecredentialTickets": {true, true},
	"UpdateSigningKey": {true, true}, "DeleteSigningKey": {true, true},
	"UpdateApplication": {true, true}, "DeleteApplication": {true, true},
	"UpdateAuthorization": {true, true}, "DeleteAuthorization": {true, true}, "DeleteAccessTokens": {true, true},
	"PutSetting": {true, true}, "DeleteSetting": {true, true},

	// Over already, which is looked at each time.
	"DeleteExpiredTickets": {}, "PruneAccess": {}, "DeleteSignInsSeenBefore": {},
	// Never leased: second factors are asked for at log-in.
	"UpdateSecondFactor": {}, "DeleteSecondFactor": {},
	// An actor has its project's id alone, and no time of its last log-in.
	"UpdateProject": {}, "SetLastLogin": {},
	// Not what credentials stand for.
	"UpdateKey": {}, "DeleteKey": {}, "UpdateSession": {}, "UpdateSessionState": {}, "DeleteSession": {}, "ExpireSessions": {}, "UpdateWantedKey": {},
	"DeleteWantedKey": {}, "UpdateWebhook": {}, "DeleteWebhook": {}, "UpdateDelivery": {}, "FailDeliveries": {}, "DeleteDeliveries": {},
	"UpdateDevice": {}, "DeleteDevice": {}, "UpdateManagedKey": {}, "MarkManagedKeyViewed": {}, "DeleteCustody": {}, "UpdatePolicy": {},
	"ReplaceSealed": {}, "DeleteMade": {}, "PutCustody": {},
}

// writes begin the names of methods that write. What is inserted takes nothing away.
var writes = []string{"Update", "Delete", "Set", "Put", "Recredential", "Expire", "Fail", "Prune", "Mark", "Replace"}

func TestWatchedNotesWhatLeasesRestOn(t *testing.T) {
	t.Parallel()
	methods := reflect.TypeFor[Tx]()
	seen := map[string]bool{}
	for m := range methods.Methods() {
		known, listed := touching[m.Name]
		if !listed {
			for _, w := range writes {
				if rest, is := strings.CutPrefix(m.Name, w); is && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' && rest != "tings" {
					t.Errorf("%s is not among the methods that are known to write", m.Name)
				}
			}
		}
		seen[m.Name] = true
		if got := notedBy(m.Name); got != known {
			t.Errorf("%s notes %+v, want %+v", m.Name, got, known)
		}
	}
	for name := range touching {
		if !seen[name] {
			t.Errorf("%s is no method of Tx", name)
		}
	}
}

// notedBy calls a method of a watched transaction that leads nowhere.
func notedBy(method string) (of touched) {
	defer func() { _ = recover() }() // there is nothing behind
	m := reflect.ValueOf(&watched{nil, &of, new(bool)}).MethodByName(method)
	args := make([]reflect.Value, m.Type().NumIn())
	for i := range args {
		args[i] = reflect.Zero(m.Type().In(i))
	}
	if m.Type().IsVariadic() {
		args = args[:len(args)-1]
	}
	m.Call(args)
	return of
}

// What was read while all leases were ended may be from before, and is not kept.
func TestLeasesOfTheMoment(t *testing.T) {
	t.Parallel()
	l, key := newLeases(), leaseKey{"token", SecretHash{1}}
	from, ended := l.begin()
	l.keep(key, "early", from, ended)
	if got, ok := l.find(key); !ok || got != "early" {
		t.Errorf("find = %v, %v; want what was kept", got, ok)
	}
	if got, ok := l.find(leaseKey{"api key", SecretHash{1}}); ok {
		t.Errorf("find of another kind = %v, want nothing", got)
	}
	from, ended = l.begin()
	l.end()
	l.keep(key, "between", from, ended)
	if got, ok := l.find(key); ok {
		t.Errorf("find = %v, want nothing: leases ended since that was read", got)
	}
	_, ended = l.begin()
	l.keep(key, "late", time.Now().Add(-Lease), ended)
	if got, ok := l.find(key); ok {
		t.Errorf("find = %v, want nothing: that was read too long ago", got)
	}
}
