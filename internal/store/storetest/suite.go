package storetest

import (
	"context"
	"errors"
	"testing"

	"keyrack/internal/core"
)

// Run holds a store to the contract of [core.Store]. open gives a new, empty
// store each time.
func Run(t *testing.T, open func(t testing.TB) core.Store) {
	for name, test := range map[string]func(*testing.T, core.Store){
		"fields":       testFields,
		"absent":       testAbsent,
		"taken":        testTaken,
		"drawn again":  testDrawnAgain,
		"dangling":     testDangling,
		"ids":          testIDs,
		"filters":      testFilters,
		"counts":       testCounts,
		"admins":       testAdmins,
		"identities":   testIdentities,
		"sign-ins":     testSignIns,
		"account gone": testAccountGone,
		"accounts":     testAccounts,
		"lists":        testLists,
		"tickets":      testTickets,
		"keys":         testKeys,
		"evidence":     testEvidenceGoes,
		"key owner":    testKeyOwner,
		"key batches":  testKeyBatches,
		"pages":        testPages,
		"revisions":    testRevisions,
		"sessions":     testSessions,
		"overdue":      testOverdue,
		"deliveries":   testDeliveries,
		"many":         testMany,
		"audit":        testAudit,
		"vault":        testVault,
		"custodies":    testCustodies,
		"sealed":       testSealed,
		"settings":     testSettings,
		"made":         testMade,
		"access":       testAccess,
		"removal":      testRemoval,
		"text":         testText,
		"rollback":     testRollback,
		"panic":        testPanic,
		"cancellation": testCancellation,
		"views":        testViews,
		"glances":      testGlances,
		"failure":      testFailure,
		"concurrency":  testConcurrency,
		"locks":        testLocks,
		"claims":       testClaims,
		"state":        testSessionState,
		"write skew":   testWriteSkew,
		"neighbours":   testNeighbours,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// update makes a change that must succeed.
func update(t testing.TB, s core.Store, fn func(tx core.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("Update() = %v", err)
	}
}

// view takes a look that must succeed.
func view(t testing.TB, s core.Store, fn func(tx core.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("View() = %v", err)
	}
}

// found gives what a look-up finds.
func found[T any](t testing.TB, s core.Store, look func(tx core.Tx) (T, error)) (v T) {
	t.Helper()
	view(t, s, func(tx core.Tx) (err error) {
		v, err = look(tx)
		return err
	})
	return v
}

// wantKind checks the kind of an error. Internal is asked for by no test: it is
// what errors have that the contract does not know.
func wantKind(t testing.TB, what string, err error, want core.Kind) {
	t.Helper()
	if err == nil || core.KindOf(err) != want {
		t.Errorf("%s: error %v is %v, want %v", what, err, core.KindOf(err), want)
	}
}

var errRefused = errors.New("refused by the test")

// inBackground outlives the test's own context, for calls that must end well
// whatever the test does to its contexts.
func inBackground(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }
