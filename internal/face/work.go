package face

import (
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"keyrack/internal/core"
)

// Work bounds how many requests are worked on at once. With more of them than
// there is capacity for, each would wait longer and longer, until it is answered
// when nobody listens any more: who comes to a full server is told so at
// once, before anything of his request is looked at.
//
// A request counts until its answer begins, and not while it waits for its
// body: who sends or reads slowly takes nobody's place. Those that read and those
// that change do not wait for each other, and are counted apart.
type Work struct {
	most           int64
	reads, changes atomic.Int64

	refused atomic.Int64 // since the log was told
	told    atomic.Int64 // when that was, in nanoseconds
}

// NewWork makes a bound of so many reads and as many changes.
func NewWork(most int) *Work { return &Work{most: int64(most)} }

// ErrBusy is the error of a request that was refused because too many others
// are being worked on.
var ErrBusy = core.Errorf(core.Unavailable, "too many requests are being worked on")

// place is where one request counts. It belongs to the request's goroutine. The
// zero place counts nowhere.
type place struct {
	in    *atomic.Int64 // nil: there is no bound, or the answer has begun
	taken bool
}

// enter gives a request its place; free is false where all are taken.
func (w *Work) enter(r *http.Request) (p *place, free bool) {
	if w == nil {
		return &place{}, true
	}
	in := &w.changes
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		in = &w.reads
	}
	p = &place{in: in}
	if p.take(); in.Load() > w.most {
		p.leave()
		return nil, false
	}
	return p, true
}

func (p *place) take() {
	if p.in != nil && !p.taken {
		p.in.Add(1)
		p.taken = true
	}
}

// pause gives the place up until it is taken again.
func (p *place) pause() {
	if p.taken {
		p.in.Add(-1)
		p.taken = false
	}
}

// leave gives the place up for good.
func (p *place) leave() {
	p.pause()
	p.in = nil
}

// arriving is a body, for the parts of which its request waits without a place.
type arriving struct {
	io.ReadCloser
	*place
}

// Read reads on.
func (b *arriving) Read(p []byte) (int, error) {
	b.pause()
	defer b.take()
	return b.ReadCloser.Read(p)
}

// refuse counts one that was turned away. The log is told once a second at
// most: as many lines as refusals would be work as well.
func (w *Work) refuse(log *slog.Logger, now time.Time) {
	refused := w.refused.Add(1)
	told := w.told.Load()
	if now.UnixNano()-told < int64(time.Second) || !w.told.CompareAndSwap(told, now.UnixNano()) {
		return
	}
	w.refused.Add(-refused)
	log.Warn("requests were refused: too many are being worked on", "refused", refused)
}
