package core

import "context"

// Organizations lists all organizations by name. For those who read everything.
func (s *Service) Organizations(ctx context.Context, by Actor) ([]Organization, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, Tx.Organizations)
}

// Locations lists all locations by name. For those who read everything.
func (s *Service) Locations(ctx context.Context, by Actor) ([]Location, error) {
	if !by.readsAll() {
		return nil, errDenied
	}
	return view(ctx, s, Tx.Locations)
}
