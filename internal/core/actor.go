package core

import (
	"fmt"
	"net/netip"

	"github.com/google/uuid"
)

// Origin says through which door a request came, for the audit record.
type Origin struct {
	Face    string     // "sshverify", "native", "ssh", "cli"
	Address netip.Addr // the client's; zero where there is none
}

// Actor is who does something. Outside core there is no way to make one with
// rights but to authenticate (the Authenticate methods of [Service]) or to
// hold the store itself ([Operator]). The zero Actor may do nothing.
//
// An actor may do what was true when it was made: it is made for one request
// and not kept. The next request of an account that was disabled, or of a
// token that was revoked, gets none.
type Actor struct {
	kind    ActorKind
	name    string // login, API key name, operating-system user
	account AccountID
	project ProjectID
	roles   Roles
	grant   *Grant // of an application
	rights  rightSet
	origin  Origin
	zone    string     // that it sees times in, as its product names it; empty: UTC
	token   TokenID    // it came with; zero: none
	secret  SecretHash // of the personal token that it showed; zero: none
	behind  behind     // who acts as it

	repeatable repeatable // the request, where its sender may repeat it
}

// ActorKind is the sort of an actor, as the audit record keeps it.
type ActorKind uint8

// The kinds of actor.
const (
	ActorNobody      ActorKind = iota // nobody yet: an unauthenticated visitor
	ActorSystem                       // the server itself: first start, jobs
	ActorOperator                     // somebody who holds the store: the command line
	ActorAccount                      // an account, by password or token
	ActorProject                      // a project, by API key
	ActorHost                         // a host, by host token: reads authorized keys
	ActorApplication                  // an application, by the credentials of an authorization
)

func (k ActorKind) String() string {
	names := [...]string{"nobody", "system", "operator", "account", "project", "host", "application"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("actor kind %d", uint8(k))
}

// Operator is the actor of commands that work on the store directly. Whoever
// can open the store can change it anyway; the name is for the record.
func Operator(name string) Actor {
	return Actor{kind: ActorOperator, name: name, origin: Origin{Face: "cli"}}
}

// System is the actor of what the server does by itself; task names the job.
func System(task string) Actor {
	return Actor{kind: ActorSystem, name: task}
}

// Visitor is a stranger: all an SSH client is before and after it offered keys.
func Visitor(o Origin) Actor { return Actor{origin: o} }

// Kind tells what sort of actor it is.
func (a Actor) Kind() ActorKind { return a.kind }

// Name is the login, API key name or user name, for logs and the audit record.
func (a Actor) Name() string { return a.name }

// Project is the project an API key belongs to, zero for other actors.
func (a Actor) Project() ProjectID { return a.project }

// Account is the account that acts, zero for other actors.
func (a Actor) Account() AccountID { return a.account }

// TimeZone is the zone that the account which acts sees times in, as its product
// names it; empty: UTC.
func (a Actor) TimeZone() string { return a.zone }

// Origin is where the actor came from.
func (a Actor) Origin() Origin { return a.origin }

// Grant tells what an application was let in with, nil for other actors.
func (a Actor) Grant() *Grant { return a.grant }

// ReadsAll tells whether the actor may see everything, for replies that say more
// to such a one.
func (a Actor) ReadsAll() bool { return a.readsAll() }

// Manages tells whether the actor may change everything.
func (a Actor) Manages() bool { return a.manages() }

// behind is an account that acts as another.
type behind struct {
	login string // empty: nobody
	id    uuid.UUID
}

// Impersonator is the login and UUID of who acts as this actor; empty: nobody.
func (a Actor) Impersonator() (login string, id uuid.UUID) { return a.behind.login, a.behind.id }

// trusted tells whether the actor holds the store itself.
func (a Actor) trusted() bool { return a.kind == ActorSystem || a.kind == ActorOperator }

// manages tells whether the actor may change everything.
func (a Actor) manages() bool {
	return a.trusted() || a.kind == ActorAccount && a.roles.Admin
}

// readsAll tells whether the actor may see everything.
func (a Actor) readsAll() bool {
	return a.manages() || a.kind == ActorAccount && a.roles.Support
}

// owns tells whether the actor is that account.
func (a Actor) owns(id AccountID) bool {
	return a.kind == ActorAccount && id != 0 && a.account == id
}

var errDenied = Errorf(Denied, "not allowed")
