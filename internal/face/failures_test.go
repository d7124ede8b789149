package face_test

import (
	"testing"
	"time"

	"keyrack/internal/face"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 10, 10, 0, 0, 0, time.UTC)
	f := face.NewFailures[string](3, 10*time.Minute, 10)
	for range 2 {
		f.Fail("a", now)
	}
	if wait := f.Locked("a", now); wait != 0 {
		t.Errorf("Locked after 2 failures = %v, want not at all", wait)
	}
	f.Fail("a", now.Add(time.Minute))
	if wait := f.Locked("a", now.Add(2*time.Minute)); wait != 9*time.Minute {
		t.Errorf("Locked after 3 failures = %v, want 9m", wait)
	}
	if wait := f.Locked("b", now); wait != 0 {
		t.Errorf("Locked of another = %v, want not at all", wait)
	}
	later := now.Add(11 * time.Minute)
	if wait := f.Locked("a", later); wait != 0 {
		t.Errorf("Locked after the window = %v, want not at all", wait)
	}
	if f.Fail("a", later); f.Locked("a", later) != 0 {
		t.Error("one failure after the window locks, want old ones forgiven")
	}
	for range 3 {
		f.Fail("b", now)
	}
	if f.Clear("b"); f.Locked("b", now) != 0 {
		t.Error("Locked after a success, want not at all")
	}
}

func TestFailuresWithoutLimit(t *testing.T) {
	t.Parallel()
	f := face.NewFailures[int](0, time.Minute, 1)
	now := time.Now()
	for range 100 {
		f.Fail(1, now)
	}
	if wait := f.Locked(1, now); wait != 0 {
		t.Errorf("Locked = %v, want never", wait)
	}
}
