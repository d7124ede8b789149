package core

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"keyrack/internal/vault"
)

// SealedPlace is where the store keeps sealed secrets of one sort.
type SealedPlace string

// Every place of sealed secrets. A new one is added here, with its record.
const (
	SealedPrivateKeys     SealedPlace = "private keys"
	SealedPassphrases     SealedPlace = "passphrases"
	SealedWebhookHeaders  SealedPlace = "webhook headers"
	SealedWebhookSecrets  SealedPlace = "webhook secrets"
	SealedConsumerSecrets SealedPlace = "OAuth 1.0 consumer secrets" // #nosec G101 -- a name of secrets, none itself
	SealedTokenSecrets    SealedPlace = "OAuth 1.0 token secrets"    // #nosec G101 -- as above
	SealedSigningKeys     SealedPlace = "signing keys"
	SealedSecondFactors   SealedPlace = "second factors"
	SealedTokens          SealedPlace = "tokens"
)

// sealedRecords gives what the secrets of a place are bound to.
var sealedRecords = map[SealedPlace]func(of uuid.UUID, version int64) vault.Record{
	SealedPrivateKeys: func(of uuid.UUID, version int64) vault.Record { return managedKeyRecord(of, "private_key", version) },
	SealedPassphrases: func(of uuid.UUID, version int64) vault.Record { return managedKeyRecord(of, "passphrase", version) },
	SealedWebhookHeaders: func(of uuid.UUID, _ int64) vault.Record {
		return Webhook{UUID: of}.record()
	},
	SealedWebhookSecrets: func(of uuid.UUID, _ int64) vault.Record {
		return Project{UUID: of}.webhookRecord()
	},
	SealedConsumerSecrets: func(of uuid.UUID, _ int64) vault.Record { return oauth1Record(of, "consumer_secret") },
	SealedTokenSecrets:    func(of uuid.UUID, _ int64) vault.Record { return oauth1Record(of, "token_secret") },
	SealedSigningKeys:     func(of uuid.UUID, _ int64) vault.Record { return SigningKey{UUID: of}.record() },
	SealedSecondFactors:   func(of uuid.UUID, _ int64) vault.Record { return Account{UUID: of}.secondFactorRecord() },
	SealedTokens:          func(of uuid.UUID, _ int64) vault.Record { return Token{UUID: of}.record() },
}

func managedKeyRecord(of uuid.UUID, field string, version int64) vault.Record {
	return vault.Record{Kind: "managedkey", ID: of.String(), Field: field, Version: version}
}

// SealedPlaces are all places, in the order in which they are sealed anew.
func SealedPlaces() []SealedPlace {
	return []SealedPlace{
		SealedPrivateKeys, SealedPassphrases, SealedWebhookHeaders, SealedWebhookSecrets,
		SealedConsumerSecrets, SealedTokenSecrets, SealedSigningKeys, SealedSecondFactors,
		SealedTokens,
	}
}

// Sealed is a sealed secret as it lies in the store.
type Sealed struct {
	Row     int64     // its row's id
	Owner   uuid.UUID // the object's whose it is
	Version int64     // of that object, 0 where it has none
	Bytes   []byte
}

// SealedCount tells how many secrets of a place are sealed by one key.
type SealedCount struct {
	Place SealedPlace
	Key   uint32 // as vault.KeyOf gives it
	Count int
}

// SealedCounts tells how many secrets each key of the vault has sealed. For
// those who read everything.
func (s *Service) SealedCounts(ctx context.Context, by Actor) ([]SealedCount, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, func(tx Tx) (all []SealedCount, err error) {
		for _, place := range SealedPlaces() {
			counts, err := tx.SealedCounts(place)
			if err != nil {
				return nil, err
			}
			for _, c := range counts {
				c.Place = place
				all = append(all, c)
			}
		}
		return all, nil
	})
}

// Resealed tells how far sealing anew has come.
type Resealed struct {
	Next    int64    // the row to go on after; 0 when the place is done
	Sealed  int      // sealed anew
	Damaged []string // records that do not open; they are left as they are
}

// Reseal seals up to limit secrets of a place with the vault's primary key that
// another one has sealed, in one transaction, from the row after a given one on.
// It can stop and start anywhere: what is sealed by the primary key is left
// alone. For those who manage everything.
func (s *Service) Reseal(ctx context.Context, by Actor, place SealedPlace, after int64, limit int) (Resealed, error) {
	if !by.manages() {
		return Resealed{}, errDenied
	}
	record, known := sealedRecords[place]
	if s.vault.need() != nil || !known {
		return Resealed{}, errNoVault
	}
	return update(ctx, s, func(tx Tx) (Resealed, error) {
		var out Resealed
		found, err := tx.SealedSecrets(place, after, limit)
		if err != nil {
			return out, err
		}
		for _, secret := range found {
			if err := s.resealOne(tx, place, secret, record(secret.Owner, secret.Version), &out); err != nil {
				return out, err
			}
		}
		if len(found) == limit && limit > 0 {
			out.Next = found[limit-1].Row
		}
		if out.Sealed == 0 && len(out.Damaged) == 0 {
			return out, nil
		}
		detail := fmt.Sprintf("%s: %d sealed anew, %d do not open", place, out.Sealed, len(out.Damaged))
		return out, s.audit(tx, by, "vault.reseal", "vault "+s.vault.ID(), withDetail(detail))
	})
}

func (s *Service) resealOne(tx Tx, place SealedPlace, secret Sealed, r vault.Record, out *Resealed) error {
	if s.vault.SealedByPrimary(secret.Bytes) {
		return nil
	}
	plain, err := s.vault.Unseal(secret.Bytes, r)
	if err != nil {
		out.Damaged = append(out.Damaged, r.String())
		return nil //nolint:nilerr // told in Damaged; one bad record must not keep the others under an old key
	}
	anew, err := s.vault.Seal(plain, r)
	if err != nil {
		return err
	}
	out.Sealed++
	return tx.ReplaceSealed(place, secret.Row, anew)
}

// RecordVaultChange puts into the audit record that the vault's keys have
// changed: "rotate", "promote", "drop" or "rewrap". For those who manage
// everything.
func (s *Service) RecordVaultChange(ctx context.Context, by Actor, action, detail string) error {
	if !by.manages() {
		return errDenied
	}
	if err := s.vault.need(); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx Tx) error {
		return s.audit(tx, by, "vault."+action, "vault "+s.vault.ID(), withDetail(detail))
	})
}
