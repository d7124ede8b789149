package server

import (
	"context"
	"errors"
	"time"

	"keyrack/internal/core"
)

const (
	sweepEvery = 2 * time.Second
	sweepBatch = 100 // sessions in one transaction, which has 15 seconds
	pruneEvery = time.Hour

	// Nonces and access tokens pile up while somebody works: with each signed
	// request and each login one.
	pruneAccessEvery = time.Minute
	pruneAccessBatch = 1000
)

// every runs a job at once and then in steps until ctx is done. What fails is
// logged and tried again with the next step.
func (s *server) every(ctx context.Context, step time.Duration, name string, job func(context.Context) error) error {
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		if err := job(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("job failed", "job", name, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep writes down which sessions have expired, until there are none left.
func (s *server) sweep(ctx context.Context) error {
	for {
		n, err := s.local.Core.ExpireSessions(ctx, core.System("sweep"), sweepBatch)
		if err != nil || n < sweepBatch {
			return err
		}
	}
}

func (s *server) prune(ctx context.Context) error {
	_, err := s.local.Core.PruneDeliveries(ctx, core.System("prune"))
	_, forgot := s.local.Core.PruneMade(ctx, core.System("prune"))
	_, ended := s.local.Core.PruneTickets(ctx, core.System("prune"))
	return errors.Join(err, forgot, ended)
}

// pruneAccess removes access tokens and nonces that are over.
func (s *server) pruneAccess(ctx context.Context) error {
	for {
		n, err := s.local.Core.PruneAccess(ctx, core.System("prune"), pruneAccessBatch)
		if err != nil || n < pruneAccessBatch {
			return err
		}
	}
}
