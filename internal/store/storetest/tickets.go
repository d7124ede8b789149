package storetest

import (
	"errors"
	"testing"
	"time"

	"keyrack/internal/core"
)

func tickets(t *testing.T) kind[core.Ticket] {
	return kind[core.Ticket]{
		prepare: func(tx core.Tx, v *core.Ticket) error {
			setUnique(t, v)
			a, err := newAccount(t, tx)
			v.Account = a.ID
			return err
		},
		insert: func(tx core.Tx, v *core.Ticket) (err error) {
			v.ID, err = tx.InsertTicket(*v)
			return err
		},
		read:   func(tx core.Tx, v core.Ticket) (core.Ticket, error) { return tx.TicketByUUID(v.UUID) },
		update: func(tx core.Tx, v core.Ticket) error { return tx.UpdateTicket(v) },
	}
}

func signingKeys(t *testing.T) kind[core.SigningKey] {
	return kind[core.SigningKey]{
		prepare: func(_ core.Tx, v *core.SigningKey) error {
			setUnique(t, v)
			if v.Sealed == nil {
				v.Sealed = []byte{}
			}
			return nil
		},
		insert: func(tx core.Tx, v *core.SigningKey) (err error) {
			v.ID, err = tx.InsertSigningKey(*v)
			return err
		},
		read: func(tx core.Tx, v core.SigningKey) (core.SigningKey, error) {
			all, err := tx.SigningKeys()
			return only(all, err, func(k core.SigningKey) bool { return k.ID == v.ID })
		},
		update: func(tx core.Tx, v core.SigningKey) error { return tx.UpdateSigningKey(v) },
	}
}

func secondFactors(t *testing.T) kind[core.SecondFactor] {
	return kind[core.SecondFactor]{
		prepare: func(tx core.Tx, v *core.SecondFactor) error {
			v.ID = 0
			if v.Sealed == nil {
				v.Sealed = []byte{}
			}
			a, err := newAccount(t, tx)
			v.Account = a.ID
			return err
		},
		insert: func(tx core.Tx, v *core.SecondFactor) (err error) {
			v.ID, err = tx.InsertSecondFactor(*v)
			return err
		},
		read:   func(tx core.Tx, v core.SecondFactor) (core.SecondFactor, error) { return tx.SecondFactor(v.Account) },
		update: func(tx core.Tx, v core.SecondFactor) error { return tx.UpdateSecondFactor(v) },
	}
}

// testTickets removes and changes many tickets at once, and others not.
func testTickets(t *testing.T, s core.Store) {
	var mine, others, late core.Ticket
	made := now()
	update(t, s, func(tx core.Tx) error {
		mine, others, late = sample[core.Ticket](t), sample[core.Ticket](t), sample[core.Ticket](t)
		a, errA := newAccount(t, tx)
		b, errB := newAccount(t, tx)
		mine.Account, others.Account, late.Account = a.ID, b.ID, b.ID
		mine.ExpiresAt, others.ExpiresAt, late.ExpiresAt = made, made, made.Add(time.Microsecond)
		others.Credential = mine.Credential
		err := errors.Join(errA, errB)
		for _, k := range []*core.Ticket{&mine, &others, &late} {
			k.ID = 0
			var e error
			k.ID, e = tx.InsertTicket(*k)
			err = errors.Join(err, e)
		}
		return err
	})
	is := core.SecretHash{1, 2, 3}
	update(t, s, func(tx core.Tx) error {
		return errors.Join(tx.RecredentialTickets(mine.Account, is, mine.Credential), tx.RecredentialTickets(9999, is, mine.Credential))
	})
	mine.Credential = is
	for _, want := range []core.Ticket{mine, others, late} {
		tickets(t).wantRead(t, s, "ticket, where one's credential was changed,", want)
	}
	update(t, s, func(tx core.Tx) error {
		n, err := tx.DeleteExpiredTickets(made.Add(time.Microsecond))
		if err == nil && n != 2 {
			t.Errorf("DeleteExpiredTickets removed %d, want 2", n)
		}
		return err
	})
	wantGone(t, s, mine)
	wantGone(t, s, others)
	tickets(t).wantRead(t, s, "ticket that has not ended", late)
	update(t, s, func(tx core.Tx) error { return errors.Join(tx.DeleteTickets(9999), tx.DeleteTickets(late.Account)) })
	wantGone(t, s, late)
}

func wantGone(t *testing.T, s core.Store, k core.Ticket) {
	t.Helper()
	err := s.View(t.Context(), func(tx core.Tx) error { return fails(tx.TicketByUUID(k.UUID)) })
	wantKind(t, "a removed ticket", err, core.NotFound)
}
