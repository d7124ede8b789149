package core_test

import (
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
)

func (f faultyTx) Device(id core.DeviceID) (core.Device, error) {
	return get(f.faulty, func() (core.Device, error) { return f.Tx.Device(id) })
}

func (f faultyTx) DeleteDevice(id core.DeviceID) error {
	return f.do(func() error { return f.Tx.DeleteDevice(id) })
}

func (f faultyTx) ManagedKey(id core.ManagedKeyID) (core.ManagedKey, error) {
	return get(f.faulty, func() (core.ManagedKey, error) { return f.Tx.ManagedKey(id) })
}

func (f faultyTx) ManagedKeyAndDevice(id core.ManagedKeyID) (k core.ManagedKey, on core.Device, err error) {
	err = f.do(func() error { k, on, err = f.Tx.ManagedKeyAndDevice(id); return err })
	return k, on, err
}

func (f faultyTx) ManagedKeyAndDeviceByIdentifier(identifier string) (k core.ManagedKey, on core.Device, err error) {
	err = f.do(func() error { k, on, err = f.Tx.ManagedKeyAndDeviceByIdentifier(identifier); return err })
	return k, on, err
}

func (f faultyTx) ManagedKeyByUUID(id uuid.UUID) (core.ManagedKey, error) {
	return get(f.faulty, func() (core.ManagedKey, error) { return f.Tx.ManagedKeyByUUID(id) })
}

func (f faultyTx) ManagedKeyByIdentifier(identifier string) (core.ManagedKey, error) {
	return get(f.faulty, func() (core.ManagedKey, error) { return f.Tx.ManagedKeyByIdentifier(identifier) })
}

func (f faultyTx) ManagedKeys(q core.ManagedKeyQuery) ([]core.ManagedKey, int, error) {
	return list(f.faulty, func() ([]core.ManagedKey, int, error) { return f.Tx.ManagedKeys(q) })
}

func (f faultyTx) InsertManagedKey(k core.ManagedKey) (core.ManagedKeyID, error) {
	return get(f.faulty, func() (core.ManagedKeyID, error) { return f.Tx.InsertManagedKey(k) })
}

func (f faultyTx) UpdateManagedKey(k core.ManagedKey) error {
	return f.do(func() error { return f.Tx.UpdateManagedKey(k) })
}

func (f faultyTx) MarkManagedKeyViewed(id core.ManagedKeyID, at, expires time.Time) error {
	return f.do(func() error { return f.Tx.MarkManagedKeyViewed(id, at, expires) })
}

func (f faultyTx) KeyVersion(key core.ManagedKeyID, number int) (core.KeyVersion, error) {
	return get(f.faulty, func() (core.KeyVersion, error) { return f.Tx.KeyVersion(key, number) })
}

func (f faultyTx) KeyVersions(key core.ManagedKeyID) ([]core.KeyVersion, error) {
	return get(f.faulty, func() ([]core.KeyVersion, error) { return f.Tx.KeyVersions(key) })
}

func (f faultyTx) InsertKeyVersion(v core.KeyVersion) error {
	return f.do(func() error { return f.Tx.InsertKeyVersion(v) })
}

func (f faultyTx) Custodies(key core.ManagedKeyID) ([]core.Custody, error) {
	return get(f.faulty, func() ([]core.Custody, error) { return f.Tx.Custodies(key) })
}

func (f faultyTx) PutCustody(c core.Custody) error {
	return f.do(func() error { return f.Tx.PutCustody(c) })
}

func (f faultyTx) DeleteCustody(id int64) error {
	return f.do(func() error { return f.Tx.DeleteCustody(id) })
}

func (f faultyTx) Policies() ([]core.Policy, error) { return get(f.faulty, f.Tx.Policies) }

func (f faultyTx) PolicyByName(name string) (core.Policy, error) {
	return get(f.faulty, func() (core.Policy, error) { return f.Tx.PolicyByName(name) })
}

func (f faultyTx) InsertPolicy(p core.Policy) (core.PolicyID, error) {
	return get(f.faulty, func() (core.PolicyID, error) { return f.Tx.InsertPolicy(p) })
}

func (f faultyTx) UpdatePolicy(p core.Policy) error {
	return f.do(func() error { return f.Tx.UpdatePolicy(p) })
}

func (f faultyTx) SealedSecrets(place core.SealedPlace, after int64, limit int) ([]core.Sealed, error) {
	return get(f.faulty, func() ([]core.Sealed, error) { return f.Tx.SealedSecrets(place, after, limit) })
}

func (f faultyTx) ReplaceSealed(place core.SealedPlace, row int64, sealed []byte) error {
	return f.do(func() error { return f.Tx.ReplaceSealed(place, row, sealed) })
}

func (f faultyTx) SealedCounts(place core.SealedPlace) ([]core.SealedCount, error) {
	return get(f.faulty, func() ([]core.SealedCount, error) { return f.Tx.SealedCounts(place) })
}
