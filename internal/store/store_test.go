package store_test

import (
	"testing"

	"keyrack/internal/core"
	"keyrack/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) core.Store { return storetest.SQLite(t) })
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) core.Store { return storetest.Postgres(t) })
}
