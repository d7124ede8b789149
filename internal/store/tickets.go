package store

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"keyrack/internal/core"
)

type ticketRow struct {
	bun.BaseModel `bun:"table:tickets"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	AccountID     int64
	ByToken       bool
	Credential    digest
	FirstAt       instant
	IssuedAt      instant
	ExpiresAt     instant
	ReplacedAt    instant `bun:",nullzero"`
	Successor     uid     `bun:",nullzero"`
}

func ticketRowOf(k core.Ticket) ticketRow {
	return ticketRow{
		ID: int64(k.ID), UUID: uid(k.UUID), AccountID: int64(k.Account), ByToken: k.ByToken, Credential: digest(k.Credential),
		FirstAt: instant{k.FirstAt}, IssuedAt: instant{k.IssuedAt}, ExpiresAt: instant{k.ExpiresAt},
		ReplacedAt: instant{k.ReplacedAt}, Successor: uid(k.Successor),
	}
}

func (r ticketRow) ticket() core.Ticket {
	return core.Ticket{
		ID: core.TicketID(r.ID), UUID: uuid.UUID(r.UUID), Account: core.AccountID(r.AccountID), ByToken: r.ByToken,
		Credential: core.SecretHash(r.Credential), FirstAt: r.FirstAt.Time, IssuedAt: r.IssuedAt.Time, ExpiresAt: r.ExpiresAt.Time,
		ReplacedAt: r.ReplacedAt.Time, Successor: uuid.UUID(r.Successor),
	}
}

func (t *tx) TicketByUUID(id uuid.UUID) (core.Ticket, error) {
	return one(ticketRow.ticket)(get[ticketRow](t, "WHERE uuid = ?", id))
}

func (t *tx) InsertTicket(k core.Ticket) (core.TicketID, error) {
	id, err := insert(t, ticketRowOf(k))
	return core.TicketID(id), err
}

func (t *tx) UpdateTicket(k core.Ticket) error { return update(t, ticketRowOf(k)) }

func (t *tx) RecredentialTickets(account core.AccountID, is, was core.SecretHash) error {
	_, err := t.exec("UPDATE tickets SET credential = ? WHERE account_id = ? AND credential = ?", is[:], int64(account), was[:])
	return err
}

func (t *tx) DeleteTickets(account core.AccountID) error {
	_, err := t.exec("DELETE FROM tickets WHERE account_id = ?", int64(account))
	return err
}

func (t *tx) DeleteExpiredTickets(before time.Time) (int, error) {
	n, err := t.exec("DELETE FROM tickets WHERE expires_at < ?", instant{before})
	return int(n), err
}

type signingKeyRow struct {
	bun.BaseModel `bun:"table:signing_keys"`
	ID            int64 `bun:",pk"`
	UUID          uid   `bun:"uuid"`
	Sealed        []byte
	CreatedAt     instant
	RetiredAt     instant `bun:",nullzero"`
}

func signingKeyRowOf(k core.SigningKey) signingKeyRow {
	return signingKeyRow{
		ID: int64(k.ID), UUID: uid(k.UUID), Sealed: k.Sealed, CreatedAt: instant{k.CreatedAt}, RetiredAt: instant{k.RetiredAt},
	}
}

func (r signingKeyRow) signingKey() core.SigningKey {
	return core.SigningKey{
		ID: core.SigningKeyID(r.ID), UUID: uuid.UUID(r.UUID), Sealed: r.Sealed, CreatedAt: r.CreatedAt.Time, RetiredAt: r.RetiredAt.Time,
	}
}

func (t *tx) SigningKeys() ([]core.SigningKey, error) {
	return all(signingKeyRow.signingKey)(list[signingKeyRow](t, "ORDER BY id DESC"))
}

func (t *tx) InsertSigningKey(k core.SigningKey) (core.SigningKeyID, error) {
	id, err := insert(t, signingKeyRowOf(k))
	return core.SigningKeyID(id), err
}

func (t *tx) UpdateSigningKey(k core.SigningKey) error { return update(t, signingKeyRowOf(k)) }

func (t *tx) DeleteSigningKey(id core.SigningKeyID) error {
	return t.change("DELETE FROM signing_keys WHERE id = ?", int64(id))
}

type secondFactorRow struct {
	bun.BaseModel `bun:"table:second_factors"`
	ID            int64 `bun:",pk"`
	AccountID     int64
	Sealed        []byte
	LastStep      int64
	ConfirmedAt   instant `bun:",nullzero"`
	CreatedAt     instant
}

func secondFactorRowOf(f core.SecondFactor) secondFactorRow {
	return secondFactorRow{
		ID: int64(f.ID), AccountID: int64(f.Account), Sealed: f.Sealed, LastStep: f.LastStep,
		ConfirmedAt: instant{f.ConfirmedAt}, CreatedAt: instant{f.CreatedAt},
	}
}

func (r secondFactorRow) secondFactor() core.SecondFactor {
	return core.SecondFactor{
		ID: core.SecondFactorID(r.ID), Account: core.AccountID(r.AccountID), Sealed: r.Sealed, LastStep: r.LastStep,
		ConfirmedAt: r.ConfirmedAt.Time, CreatedAt: r.CreatedAt.Time,
	}
}

func (t *tx) SecondFactor(account core.AccountID) (core.SecondFactor, error) {
	return one(secondFactorRow.secondFactor)(get[secondFactorRow](t, "WHERE account_id = ?", int64(account)))
}

func (t *tx) InsertSecondFactor(f core.SecondFactor) (core.SecondFactorID, error) {
	id, err := insert(t, secondFactorRowOf(f))
	return core.SecondFactorID(id), err
}

func (t *tx) UpdateSecondFactor(f core.SecondFactor) error { return update(t, secondFactorRowOf(f)) }

func (t *tx) DeleteSecondFactor(id core.SecondFactorID) error {
	return t.change("DELETE FROM second_factors WHERE id = ?", int64(id))
}
