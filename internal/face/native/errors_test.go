package native

import (
	"testing"

	"keyrack/internal/face/facetest"
)

func TestKnowsKinds(t *testing.T) {
	t.Parallel()
	facetest.KnowsKinds(t, func(err error) int { return problem(err).Status })
}
