package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"keyrack/internal/core"
)

func TestCreateSession(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		by := w.project(core.NewProject{Name: "onboarding"})
		made := w.session(by, core.NewSession{
			ExternalID: ptr("user_123 äöü"), MultiKey: true, MultiConnection: true, MustConfirm: true,
			Banner: ptr("Hello\n\x1b]0;owned\x07\u202ethere"), Message: ptr(""), Expiry: core.Expiry{Timeout: ptr(time.Hour)},
		})
		if made.UUID.Version() != 7 {
			t.Errorf("id = %v, want a UUIDv7", made.UUID)
		}
		now := time.Date(2026, 5, 10, 10, 0, 0, 123456000, time.UTC) // the clock's, cut to microseconds
		want := core.Session{
			ID: made.ID, UUID: made.UUID, Project: by.Project(), Kind: core.CollectSession, Identifier: made.Identifier,
			ExternalID: ptr("user_123 äöü"), Status: core.SessionPending, MultiKey: true, MultiConnection: true, MustConfirm: true,
			Banner: ptr("Hello\n]0;ownedthere"), Message: ptr(""),
			ExpiresAt: now.Add(time.Hour), CreatedAt: now, UpdatedAt: now,
		}
		if diff := cmp.Diff(want, made, exactly); diff != "" {
			t.Errorf("CreateSession (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, w.read(made), exactly); diff != "" {
			t.Errorf("Session after CreateSession (-want +got):\n%s", diff)
		}
		if e := w.event("session.add"); e.Project != by.Project() || e.ActorKind != core.ActorProject ||
			e.Object != "session "+made.UUID.String() || e.Face != "sshverify" || e.Outcome != core.Done || !e.At.Equal(now) {
			t.Errorf("audit event = %+v, want that the API key made the session", e)
		}
		if plain := w.session(by, core.NewSession{}); !plain.ExpiresAt.IsZero() || plain.ExternalID != nil || plain.Banner != nil {
			t.Errorf("session of no fields = %+v, want no end, no external id, no banner", plain)
		}
	})
}

func TestCreateSessionRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.project(core.NewProject{Name: "onboarding"})
	before := w.dump()
	now := w.clock.Now()
	const badTimeout = "timeout: must be between 1 second and 10 years"
	tests := map[string]struct {
		in     core.NewSession
		fields []string
	}{
		"external id of 256 characters": {
			core.NewSession{ExternalID: ptr(strings.Repeat("ä", 256))}, []string{"external_id: must have at most 255 characters"},
		},
		"external id that steers a terminal": {
			core.NewSession{ExternalID: ptr("a\x1b[2Jb")}, []string{"external_id: must not hold control characters"},
		},
		"external id that PostgreSQL cannot keep": {
			core.NewSession{ExternalID: ptr("a\x00b")}, []string{"external_id: must not hold control characters"},
		},
		"external id that is no text": {
			core.NewSession{ExternalID: ptr("a\xff")}, []string{"external_id: must be valid UTF-8"},
		},
		"banner of 4097 bytes": {
			core.NewSession{Banner: ptr(strings.Repeat("b", 4097))}, []string{"ssh_banner: must have at most 4096 bytes"},
		},
		"end in the past": {core.NewSession{Expiry: core.Expiry{At: now.Add(-time.Hour)}}, []string{"expired_at: must be in the future"}},
		"end right now":   {core.NewSession{Expiry: core.Expiry{At: now}}, []string{"expired_at: must be in the future"}},
		"no time":         {core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Duration(0))}}, []string{badTimeout}},
		"negative time":   {core.NewSession{Expiry: core.Expiry{Timeout: ptr(-time.Hour)}}, []string{badTimeout}},
		"under a second":  {core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Second - 1)}}, []string{badTimeout}},
		"over ten years":  {core.NewSession{Expiry: core.Expiry{Timeout: ptr(3661 * 24 * time.Hour)}}, []string{badTimeout}},
		"unknown kind":    {core.NewSession{Kind: "guess"}, []string{"kind: must be collect or verify"}},
		"all of it": {
			core.NewSession{
				ExternalID: ptr("\x07"), Banner: ptr(strings.Repeat("b", 5000)), Message: ptr(strings.Repeat("m", 5000)),
				Expiry: core.Expiry{Timeout: ptr(time.Duration(0))},
			},
			[]string{
				badTimeout, "external_id: must not hold control characters",
				"ssh_banner: must have at most 4096 bytes", "ssh_message: must have at most 4096 bytes",
			},
		},
	}
	for name, tt := range tests {
		if tt.in.Kind == "" {
			tt.in.Kind = core.CollectSession
		}
		_, err := w.CreateSession(t.Context(), by, tt.in)
		wantError(t, name, err, core.Invalid, tt.fields...)
	}
	w.unchanged("refused sessions", before)
}

// The states of a collect session, and how each is left.
func TestCollectSessionStates(t *testing.T) {
	t.Parallel()
	const life = time.Hour
	tests := map[string]struct {
		in   core.NewSession
		do   func(w *world, s core.Session)
		want core.SessionStatus
	}{
		"made":                {want: core.SessionPending},
		"connection, no keys": {do: func(w *world, s core.Session) { w.collect(s) }, want: core.SessionPending},
		"first key":           {do: func(w *world, s core.Session) { w.collect(s, w.offered(testKey(w.t, 1))) }, want: core.SessionCompleted},
		"first key after a connection without": {
			do: func(w *world, s core.Session) {
				w.collect(s)
				w.collect(s, w.offered(testKey(w.t, 1)))
			},
			want: core.SessionCompleted,
		},
		"first key of several connections": {
			in: core.NewSession{MultiConnection: true},
			do: func(w *world, s core.Session) {
				w.collect(s, w.offered(testKey(w.t, 1)))
			},
			want: core.SessionPending,
		},
		"completed by hand":             {in: core.NewSession{MultiConnection: true}, do: completeByHand, want: core.SessionCompleted},
		"a microsecond before its time": {do: func(w *world, _ core.Session) { w.clock.advance(life - time.Microsecond) }, want: core.SessionPending},
		"its time":                      {do: func(w *world, _ core.Session) { w.clock.advance(life) }, want: core.SessionExpired},
		"its time, after completion": {
			do: func(w *world, s core.Session) {
				w.collect(s, w.offered(testKey(w.t, 1)))
				w.clock.advance(life)
				w.sweep()
			},
			want: core.SessionCompleted,
		},
		"its time, written down": {
			do: func(w *world, _ core.Session) {
				w.clock.advance(life)
				w.sweep()
			},
			want: core.SessionExpired,
		},
		"end set to the past": {
			do:   func(w *world, s core.Session) { w.change(s, core.Expiry{At: w.clock.Now().Add(-time.Minute)}) },
			want: core.SessionExpired,
		},
		"end moved before its time": {
			do: func(w *world, s core.Session) {
				w.change(s, core.Expiry{Timeout: ptr(2 * life)})
				w.clock.advance(life)
			},
			want: core.SessionPending,
		},
		"later end after its time": {
			do: func(w *world, s core.Session) {
				w.clock.advance(life)
				w.change(s, core.Expiry{At: w.clock.Now().Add(time.Hour)})
			},
			want: core.SessionPending,
		},
		"later end after its time was written down": {
			do: func(w *world, s core.Session) {
				w.clock.advance(life)
				w.sweep()
				w.change(s, core.Expiry{Timeout: ptr(time.Hour)})
			},
			want: core.SessionPending,
		},
		"no end any more after its time": {
			do: func(w *world, s core.Session) {
				w.clock.advance(life)
				w.change(s, core.Expiry{})
			},
			want: core.SessionPending,
		},
		"second end": {
			do: func(w *world, s core.Session) {
				w.clock.advance(life)
				w.sweep()
				w.change(s, core.Expiry{Timeout: ptr(time.Hour)})
				w.clock.advance(time.Hour)
				w.sweep()
			},
			want: core.SessionExpired,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.in.Timeout = ptr(life)
			s := w.session(w.project(core.NewProject{Name: "p"}), tt.in)
			if tt.do != nil {
				tt.do(w, s)
			}
			if got := w.read(s).Status; got != tt.want {
				t.Errorf("status = %s, want %s", got, tt.want)
			}
			list, _, err := w.Sessions(t.Context(), operator, core.CollectSession, core.Page{Limit: 1})
			if err != nil || list[0].Status != tt.want {
				t.Errorf("status in the list = %v, %v; want %s", list, err, tt.want)
			}
			_, err = w.Connect(t.Context(), visitor, s.Identifier, clientVersion)
			if open := tt.want == core.SessionPending; (err == nil) != open {
				t.Errorf("Connect to a session that is %s: %v, want it to be open: %v", tt.want, err, open)
			}
		})
	}
}

func completeByHand(w *world, s core.Session) {
	w.t.Helper()
	if _, err := w.CompleteSession(w.t.Context(), operator, s.Kind, s.UUID); err != nil {
		w.t.Fatalf("CompleteSession: %v", err)
	}
}

func (w *world) sweep() {
	w.t.Helper()
	if _, err := w.ExpireSessions(w.t.Context(), core.System("sweeper"), 100); err != nil {
		w.t.Fatalf("ExpireSessions: %v", err)
	}
}

func (w *world) change(s core.Session, e core.Expiry) {
	w.t.Helper()
	if _, err := w.ChangeSession(w.t.Context(), operator, s.Kind, s.UUID, core.SessionChange{Expiry: core.To(e)}); err != nil {
		w.t.Fatalf("ChangeSession: %v", err)
	}
}

func TestChangeSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.project(core.NewProject{Name: "p"})
	s := w.session(by, core.NewSession{ExternalID: ptr("a"), Banner: ptr("b"), MultiKey: true, Expiry: core.Expiry{Timeout: ptr(time.Hour)}})
	w.clock.advance(time.Minute)
	same, err := w.ChangeSession(t.Context(), by, s.Kind, s.UUID, core.SessionChange{})
	if err != nil {
		t.Fatal(err)
	}
	want := s
	want.UpdatedAt = s.CreatedAt.Add(time.Minute)
	if diff := cmp.Diff(want, same, exactly); diff != "" {
		t.Errorf("ChangeSession of nothing (-want +got):\n%s", diff)
	}
	got, err := w.ChangeSession(t.Context(), by, s.Kind, s.UUID, core.SessionChange{
		ExternalID: core.To[*string](nil), MultiKey: core.To(false), MultiConnection: core.To(true), MustConfirm: core.To(true),
		Banner: core.To[*string](nil), Message: core.To(ptr("bye\x1b[0m")), Expiry: core.To(core.Expiry{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	want.ExternalID, want.MultiKey, want.MultiConnection, want.MustConfirm = nil, false, true, true
	want.Banner, want.Message, want.ExpiresAt = nil, ptr("bye[0m"), time.Time{}
	if diff := cmp.Diff(want, got, exactly); diff != "" {
		t.Errorf("ChangeSession of all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, w.read(s), exactly); diff != "" {
		t.Errorf("Session after ChangeSession (-want +got):\n%s", diff)
	}
	if e := w.events("session.change"); len(e) != 2 || e[0].Object != "session "+s.UUID.String() {
		t.Errorf("audit events = %+v, want one for each change", e)
	}
}

// A session that is over takes a new external id, and nothing else.
func TestChangeSessionThatIsOver(t *testing.T) {
	t.Parallel()
	changes := map[string]core.SessionChange{
		"multi_key":        {MultiKey: core.To(true)},
		"multi_connection": {MultiConnection: core.To(true)},
		"must_confirm":     {MustConfirm: core.To(true)},
		"ssh_banner":       {Banner: core.To(ptr("x"))},
		"ssh_message":      {Message: core.To(ptr("x"))},
		"external id too":  {ExternalID: core.To(ptr("new")), MustConfirm: core.To(true)},
		"match_all_keys":   {MatchAllKeys: core.To(true)},
		"max_attempts":     {MaxAttempts: core.To(9)},
		"keys":             {Wanted: core.To([]core.NewWantedKey{{PublicKey: keyText}})},
	}
	ways := map[core.SessionStatus]func(w *world, s core.Session){
		core.SessionCompleted: func(w *world, s core.Session) { w.collect(s, w.offered(testKey(w.t, 1))) },
		core.SessionExpired:   func(w *world, _ core.Session) { w.clock.advance(time.Hour) },
	}
	for status, end := range ways {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.session(w.project(core.NewProject{Name: "p"}), core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Hour)}})
			end(w, s)
			for name, c := range changes {
				before := w.dump()
				_, err := w.ChangeSession(t.Context(), operator, s.Kind, s.UUID, c)
				wantError(t, name, err, core.Conflict)
				w.unchanged(name, before)
			}
			got, err := w.ChangeSession(t.Context(), operator, s.Kind, s.UUID, core.SessionChange{ExternalID: core.To(ptr("new"))})
			if err != nil || *got.ExternalID != "new" || got.Status != status {
				t.Errorf("ChangeSession of external_id = %+v, %v; want it changed, and the session still %s", got, err, status)
			}
		})
	}
}

// Neither a completed session nor one whose new end is past too is revived.
func TestChangeSessionRevivesNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.project(core.NewProject{Name: "p"})
	completed := w.session(by, core.NewSession{})
	w.collect(completed, w.offered(testKey(t, 1)))
	overdue := w.session(by, core.NewSession{Expiry: core.Expiry{Timeout: ptr(time.Second)}})
	w.clock.advance(time.Hour)
	before := w.dump()
	tests := map[string]struct {
		s core.Session
		e core.Expiry
	}{
		"completed":           {completed, core.Expiry{Timeout: ptr(time.Hour)}},
		"end in the past too": {overdue, core.Expiry{At: w.clock.Now().Add(-time.Second)}},
		"end right now":       {overdue, core.Expiry{At: w.clock.Now()}},
	}
	for name, tt := range tests {
		_, err := w.ChangeSession(t.Context(), operator, tt.s.Kind, tt.s.UUID, core.SessionChange{Expiry: core.To(tt.e)})
		wantError(t, name, err, core.Conflict)
	}
	_, err := w.ChangeSession(t.Context(), operator, overdue.Kind, overdue.UUID, core.SessionChange{
		Expiry: core.To(core.Expiry{Timeout: ptr(-time.Hour)}), Banner: core.To(ptr("x")),
	})
	wantError(t, "end that is none", err, core.Invalid, "timeout: must be between 1 second and 10 years")
	w.unchanged("refused changes", before)
}

func TestChangeSessionRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.session(w.project(core.NewProject{Name: "p"}), core.NewSession{})
	before := w.dump()
	_, err := w.ChangeSession(t.Context(), operator, s.Kind, s.UUID, core.SessionChange{
		ExternalID: core.To(ptr("a\nb")), Banner: core.To(ptr(strings.Repeat("b", 4097))), Expiry: core.To(core.Expiry{Timeout: ptr(time.Duration(0))}),
	})
	wantError(t, "ChangeSession", err, core.Invalid, "timeout: must be between 1 second and 10 years",
		"external_id: must not hold control characters", "ssh_banner: must have at most 4096 bytes")
	_, err = w.ChangeSession(t.Context(), operator, core.VerifySession, s.UUID, core.SessionChange{MultiKey: core.To(true)})
	wantError(t, "ChangeSession as of another kind", err, core.NotFound)
	w.unchanged("refused changes", before)
}

func TestCompleteSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.project(core.NewProject{Name: "p"})
	single := w.session(by, core.NewSession{})
	overdue := w.session(by, core.NewSession{MultiConnection: true, Expiry: core.Expiry{Timeout: ptr(time.Second)}})
	multi := w.session(by, core.NewSession{MultiConnection: true})
	w.collect(multi, w.offered(testKey(t, 1)))
	w.clock.advance(time.Minute)
	got, err := w.CompleteSession(t.Context(), by, multi.Kind, multi.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != core.SessionCompleted || !got.UpdatedAt.Equal(core.Moment(w.clock.Now())) || len(got.Connections) != 1 || len(got.Connections[0].Keys) != 1 {
		t.Errorf("CompleteSession = %+v, want the whole session, completed now", got)
	}
	if e := w.event("session.complete"); e.Object != "session "+multi.UUID.String() || e.ActorKind != core.ActorProject {
		t.Errorf("audit event = %+v, want that the API key completed the session", e)
	}
	before := w.dump()
	for name, s := range map[string]core.Session{"single": single, "completed": multi, "expired": overdue} {
		_, err := w.CompleteSession(t.Context(), by, s.Kind, s.UUID)
		wantError(t, name, err, core.Conflict)
	}
	w.unchanged("refused completions", before)
}

func TestDeleteSession(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ada := w.account(core.NewAccount{Login: "ada"})
		by := w.project(core.NewProject{Name: "p", Adopt: core.AdoptOffered})
		s := w.session(by, core.NewSession{ExternalID: ptr("ada")})
		w.collect(s, w.offered(testKey(t, 1)))
		if err := w.DeleteSession(t.Context(), by, s.Kind, s.UUID); err != nil {
			t.Fatal(err)
		}
		_, err := w.Session(t.Context(), by, s.Kind, s.UUID)
		wantError(t, "Session that was deleted", err, core.NotFound)
		keys := w.keysOf(ada)
		if len(keys) != 1 {
			t.Fatalf("keys that were adopted from the deleted session = %v, want one", keys)
		}
		if d := w.detail(keys[0]); len(d.Evidence) != 1 || d.Evidence[0].Connection == (uuid.UUID{}) {
			t.Errorf("evidence = %+v, want it still there", d.Evidence)
		}
		if e := w.event("session.remove"); e.Object != "session "+s.UUID.String() || e.Project != by.Project() {
			t.Errorf("audit event = %+v, want that the session was deleted", e)
		}
	})
}

func TestSessionsList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		by := w.project(core.NewProject{Name: "p"})
		var want []string
		for i := range 103 {
			if i%2 == 0 {
				w.clock.advance(time.Millisecond) // of two made at once the later id comes first
			}
			want = append([]string{w.session(by, core.NewSession{}).UUID.String()}, want...)
		}
		tests := []struct {
			page       core.Page
			begin, end int
		}{
			{core.Page{Limit: 20}, 0, 20},
			{core.Page{Offset: 100, Limit: 20}, 100, 103},
			{core.Page{Limit: 500}, 0, 100},
			{core.Page{}, 0, 1},
			{core.Page{Offset: 1000, Limit: 1}, 0, 0},
			{core.Page{Offset: -5, Limit: -5}, 0, 1},
		}
		for _, tt := range tests {
			list, n, err := w.Sessions(t.Context(), by, core.CollectSession, tt.page)
			if err != nil || n != 103 {
				t.Fatalf("Sessions(%+v): %d, %v; want 103 in all", tt.page, n, err)
			}
			var got []string
			for _, s := range list {
				got = append(got, s.UUID.String())
			}
			if diff := cmp.Diff(want[tt.begin:tt.end], got, exactly); diff != "" {
				t.Errorf("Sessions(%+v) (-want +got):\n%s", tt.page, diff)
			}
		}
	})
}
