package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"keyrack/internal/core"
)

// testAdmins counts administrators, also those who are locked out, and nobody else.
func testAdmins(t *testing.T, s core.Store) {
	update(t, s, func(tx core.Tx) error {
		var errs []error
		for i, roles := range []core.Roles{{}, {Admin: true}, {Support: true}, {Admin: true, Support: true}} {
			a := sample[core.Account](t)
			a.ID, a.Organizations, a.Locations, a.DefaultOrganization, a.DefaultLocation = core.AccountID(i+1), nil, nil, 0, 0
			a.Roles, a.Disabled = roles, i == 3
			_, err := tx.InsertAccount(a)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	wantAdmins := func(when string, want int) {
		t.Helper()
		if got := found(t, s, core.Tx.CountAdmins); got != want {
			t.Errorf("CountAdmins() = %d %s, want %d", got, when, want)
		}
	}
	wantAdmins("of four accounts", 2)
	update(t, s, func(tx core.Tx) error {
		a, err := tx.Account(2)
		a.Roles.Admin = false
		return errors.Join(err, tx.UpdateAccount(a))
	})
	wantAdmins("after one was demoted", 1)
	update(t, s, func(tx core.Tx) error { return tx.DeleteAccount(4) })
	wantAdmins("after the last was removed", 0)
}

// testSignIns prunes sign-ins: of one account all but the newest, of all those
// that were not seen since a moment.
func testSignIns(t *testing.T, s core.Store) {
	at := now()
	var mine, others []core.SignIn
	update(t, s, func(tx core.Tx) error {
		a, err1 := newAccount(t, tx)
		b, err2 := newAccount(t, tx)
		mine, others = nil, nil
		for i := range 4 {
			// The newest is the one made last, whichever was seen last.
			in := core.SignIn{Account: a.ID, CreatedAt: at, SeenAt: at.Add(-time.Duration(i) * time.Hour), SecretHash: core.SecretHash(randomBytes(32))}
			var err error
			in.ID, err = tx.InsertSignIn(in)
			mine, err1 = append(mine, in), errors.Join(err1, err)
			in.ID, in.Account, in.SecretHash = 0, b.ID, core.SecretHash(randomBytes(32))
			in.ID, err = tx.InsertSignIn(in)
			others, err2 = append(others, in), errors.Join(err2, err)
		}
		return errors.Join(err1, err2)
	})
	update(t, s, func(tx core.Tx) error { return tx.DeleteSignIns(mine[0].Account, 2) })
	wantSignIns(t, s, "all but two of one account pruned", append(others, mine[2:]...), mine[:2])

	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.SetSignInSeen(others[3].ID, at), tx.DeleteSignInsSeenBefore(at.Add(-2*time.Hour)))
	})
	others[3].SeenAt = at
	wantSignIns(t, s, "those seen two hours ago at the latest kept", append(others, mine[2]), mine[3:])

	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.DeleteSignIns(mine[0].Account, 0), tx.DeleteSignIns(mine[0].Account, 0), tx.DeleteSignInsSeenBefore(time.Unix(0, 0)))
	})
	wantSignIns(t, s, "none of one account kept", others, mine)
}

func wantSignIns(t *testing.T, s core.Store, when string, there, gone []core.SignIn) {
	t.Helper()
	view(t, s, func(tx core.Tx) error {
		for _, want := range there {
			got, err := tx.SignInByHash(want.SecretHash)
			if d := diff(want, got); err != nil || d != "" {
				t.Errorf("%s: sign-in %d: %v (-want +got):\n%s", when, want.ID, err, d)
			}
		}
		for _, in := range gone {
			wantKind(t, fmt.Sprintf("%s: sign-in %d", when, in.ID), fails(tx.SignInByHash(in.SecretHash)), core.NotFound)
		}
		return nil
	})
}

// hanging is what hangs on an account.
type hanging struct {
	account core.Account
	token   core.Token
	signIn  core.SignIn
	ticket  core.Ticket
}

func newHanging(t *testing.T, tx core.Tx) (hanging, error) {
	h := hanging{account: sample[core.Account](t), token: sample[core.Token](t), signIn: sample[core.SignIn](t), ticket: sample[core.Ticket](t)}
	a := &h.account
	organization, err1 := newOrganization(t, tx)
	location, err2 := newLocation(t, tx)
	a.ID, a.Organizations, a.Locations = 0, []core.OrganizationID{organization}, []core.LocationID{location}
	a.DefaultOrganization, a.DefaultLocation = organization, location
	var err3, err4, err5, err6 error
	a.ID, err3 = tx.InsertAccount(*a)
	h.token.ID, h.token.Account = 0, a.ID
	h.token.ID, err4 = tx.InsertToken(h.token)
	h.signIn.ID, h.signIn.Account = 0, a.ID
	h.signIn.ID, err5 = tx.InsertSignIn(h.signIn)
	h.ticket.ID, h.ticket.Account = 0, a.ID
	h.ticket.ID, err6 = tx.InsertTicket(h.ticket)
	f := sample[core.SecondFactor](t)
	f.ID, f.Account = 0, a.ID
	return h, errors.Join(err1, err2, err3, err4, err5, err6, fails(tx.InsertSecondFactor(f)))
}

// look-ups of all that hangs on the account.
func (h hanging) lookUps() map[string]func(core.Tx) error {
	return map[string]func(core.Tx) error{
		"account":       func(tx core.Tx) error { return fails(tx.Account(h.account.ID)) },
		"login":         func(tx core.Tx) error { return fails(tx.AccountByLogin(h.account.Login)) },
		"token":         func(tx core.Tx) error { return fails(tx.Token(h.token.ID)) },
		"sign-in":       func(tx core.Tx) error { return fails(tx.SignInByHash(h.signIn.SecretHash)) },
		"ticket":        func(tx core.Tx) error { return fails(tx.TicketByUUID(h.ticket.UUID)) },
		"second factor": func(tx core.Tx) error { return fails(tx.SecondFactor(h.account.ID)) },
	}
}

// testAccountGone removes an account with all that hangs on it, once it has no
// keys any more: what others have stays, and what is told of it.
func testAccountGone(t *testing.T, s core.Store) {
	var gone, other hanging
	var k core.Key
	update(t, s, func(tx core.Tx) error {
		var err1, err2, err3 error
		gone, err1 = newHanging(t, tx)
		other, err2 = newHanging(t, tx)
		k, err3 = newKey(t, tx, gone.account.ID)
		return errors.Join(err1, err2, err3, tx.InsertRevisions(core.Revision{Key: k}))
	})
	err := s.Update(t.Context(), func(tx core.Tx) error { return tx.DeleteAccount(gone.account.ID) })
	wantKind(t, "DeleteAccount of one with keys", err, core.Conflict)
	view(t, s, func(tx core.Tx) error {
		for what, look := range gone.lookUps() {
			if err := look(tx); err != nil {
				t.Errorf("after a removal that was refused: %s: %v", what, err)
			}
		}
		return nil
	})
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.DeleteKey(k.ID), tx.DeleteAccount(gone.account.ID))
	})
	view(t, s, func(tx core.Tx) error {
		for what, look := range gone.lookUps() {
			wantKind(t, what+" of an account that is gone", look(tx), core.NotFound)
		}
		for what, look := range other.lookUps() {
			if err := look(tx); err != nil {
				t.Errorf("%s of another account: %v", what, err)
			}
		}
		revisions, err := tx.Revisions(k.UUID)
		if err == nil && len(revisions) != 1 {
			t.Errorf("%d revisions of a key of an account that is gone, want 1", len(revisions))
		}
		for _, id := range gone.account.Organizations {
			err = errors.Join(err, fails(tx.Organization(id)))
		}
		return errors.Join(err, empty(tx.Tokens(gone.account.ID)))
	})
	update(t, s, func(tx core.Tx) error { // nothing is left that would stand in the way of its number
		a := sample[core.Account](t)
		a.ID, a.Organizations, a.Locations, a.RoleIDs, a.DefaultOrganization, a.DefaultLocation = gone.account.ID, nil, nil, nil, 0, 0
		return fails(tx.InsertAccount(a))
	})
	again := found(t, s, func(tx core.Tx) (core.Account, error) { return tx.Account(gone.account.ID) })
	if len(again.Organizations)+len(again.Locations)+len(again.RoleIDs) != 0 {
		t.Errorf("another account of the same number has %v, %v, %v of the former one", again.Organizations, again.Locations, again.RoleIDs)
	}
}
