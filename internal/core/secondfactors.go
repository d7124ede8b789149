package core

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"keyrack/internal/vault"
)

const (
	codeIssuer  = "Keyrack" // as apps show it
	codeSeconds = 30        // a step, the one that every app knows
	codeSkew    = 1         // steps that the clocks of apps may be apart from ours
)

var codePattern = regexp.MustCompile(`^[0-9]{6}$`)

// SecondFactor gives an account's second factor, without its seed, to itself
// and to those who read everything. NotFound where it has none.
func (s *Service) SecondFactor(ctx context.Context, by Actor, account uuid.UUID) (SecondFactor, error) {
	return view(ctx, s, func(tx Tx) (SecondFactor, error) {
		a, err := accountFor(tx, by, account.String())
		if err != nil {
			return SecondFactor{}, err
		}
		f, err := secondFactorOf(tx, a)
		f.Sealed = nil
		return f, err
	})
}

var errNoSecondFactor = Errorf(NotFound, "the account has no second factor")

func secondFactorOf(tx Tx, a Account) (SecondFactor, error) {
	f, err := tx.SecondFactor(a.ID)
	return f, as(errNoSecondFactor, err)
}

// EnrolSecondFactor gives an account a second factor and tells its seed, this
// once, as the otpauth URI that apps read. It is asked for once it was confirmed;
// until then enrolling again makes another. For those who manage everything: of
// the account itself it would have to ask for the password.
func (s *Service) EnrolSecondFactor(ctx context.Context, by Actor, account uuid.UUID) (vault.Secret, error) {
	if !by.manages() {
		return vault.Secret{}, errDenied
	}
	return update(ctx, s, func(tx Tx) (vault.Secret, error) {
		a, err := accountByUUID(tx, account)
		if err != nil {
			return vault.Secret{}, err
		}
		if err := dropUnconfirmed(tx, a); err != nil {
			return vault.Secret{}, err
		}
		key, err := s.newSecondFactor(tx, a)
		if err != nil {
			return vault.Secret{}, err
		}
		return vault.NewSecret(key), s.audit(tx, by, "totp.add", a.object())
	})
}

func dropUnconfirmed(tx Tx, a Account) error {
	f, err := tx.SecondFactor(a.ID)
	switch {
	case err != nil:
		return ignore(NotFound, err)
	case !f.ConfirmedAt.IsZero():
		return Errorf(Conflict, "the account has a second factor; remove it first")
	}
	return tx.DeleteSecondFactor(f.ID)
}

func (s *Service) newSecondFactor(tx Tx, a Account) (uri string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: codeIssuer, AccountName: a.Login, Period: codeSeconds, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return "", fmt.Errorf("make a seed: %w", err)
	}
	f := SecondFactor{Account: a.ID, CreatedAt: s.clock()}
	if f.Sealed, err = s.vault.Seal([]byte(key.Secret()), a.secondFactorRecord()); err != nil {
		return "", err
	}
	_, err = tx.InsertSecondFactor(f)
	return key.URL(), err
}

// ConfirmSecondFactor turns a second factor on, by a code that shows that the
// account's owner has it. For those who manage everything.
func (s *Service) ConfirmSecondFactor(ctx context.Context, by Actor, account uuid.UUID, code string) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, f, err := accountAndFactor(tx, account)
		if err != nil {
			return err
		}
		if !f.ConfirmedAt.IsZero() {
			return Errorf(Conflict, "the second factor is confirmed already")
		}
		f.ConfirmedAt = s.clock()
		if taken, err := s.useCode(tx, a, f, code); err != nil || !taken {
			return orInvalid(err, "code", "is not the one the app shows now; check the clock of its device")
		}
		return s.audit(tx, by, "totp.enable", a.object())
	})
}

// accountAndFactor gives an account with the second factor it must have.
func accountAndFactor(tx Tx, id uuid.UUID) (Account, SecondFactor, error) {
	a, err := accountByUUID(tx, id)
	if err != nil {
		return Account{}, SecondFactor{}, err
	}
	f, err := secondFactorOf(tx, a)
	return a, f, err
}

func orInvalid(err error, path, msg string) error {
	if err != nil {
		return err
	}
	return invalid(path, "%s", msg)
}

// RemoveSecondFactor takes an account's second factor away: it is no longer
// asked for. It is the way back in for those who have lost theirs. For those who
// manage everything.
func (s *Service) RemoveSecondFactor(ctx context.Context, by Actor, account uuid.UUID) error {
	if !by.manages() {
		return errDenied
	}
	return s.store.Update(ctx, func(tx Tx) error {
		a, f, err := accountAndFactor(tx, account)
		if err != nil {
			return err
		}
		if err := tx.DeleteSecondFactor(f.ID); err != nil {
			return err
		}
		return s.audit(tx, by, "totp.remove", a.object())
	})
}

// takeCode asks for a code where the account has a second factor. A code that
// was taken is not taken again.
func (s *Service) takeCode(tx Tx, a Account, in Credentials) error {
	code := in.Code
	f, err := tx.SecondFactor(a.ID)
	switch {
	case err != nil:
		return ignore(NotFound, err)
	case f.ConfirmedAt.IsZero():
		return nil
	case code == "":
		return invalid("code", "is required")
	case !codePattern.MatchString(code):
		return invalid("code", "must be 6 digits")
	}
	if taken, err := s.useCode(tx, a, f, code); err != nil || taken {
		return err
	}
	return errBadCredential
}

// useCode tells whether a code is that of a step around now, later than any
// used before; then it is used.
func (s *Service) useCode(tx Tx, a Account, f SecondFactor, code string) (bool, error) {
	seed, err := s.vault.Unseal(f.Sealed, a.secondFactorRecord())
	if err != nil {
		return false, err
	}
	now := s.clock().Unix() / codeSeconds
	for step := max(now-codeSkew, f.LastStep+1); step <= now+codeSkew; step++ {
		right, err := hotp.ValidateCustom(code, uint64(step), string(seed), hotp.ValidateOpts{ // #nosec G115 -- since 1970
			Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
		})
		if err == nil && right {
			f.LastStep = step
			return true, tx.UpdateSecondFactor(f)
		}
	}
	return false, nil
}
