package sshverify

import (
	"keyrack/internal/core"
	"keyrack/internal/face/openapi"
)

// problem gives the status and body for an error of core, as Huma maps them,
// in this product's words. One text each for all that looks alike from
// outside: a key that is missing, unknown, revoked or expired; a session that
// is not there or another project's.
func problem(err error) *openapi.Problem {
	p := openapi.ProblemOf(err)
	switch core.KindOf(err) {
	case core.Unauthenticated:
		p.Detail = "Invalid or missing API key"
	case core.NotFound:
		p.Detail = "Session not found"
	case core.Limited:
		p.Detail = "Rate limit of the project exceeded"
	default: // Huma's words, or core's own
	}
	return p
}
