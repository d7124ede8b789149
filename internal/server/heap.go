package server

import "os"

// headroomSize is what measuring showed: with more, requests took hardly less
// CPU, and SSH connections that wait more than they may.
const headroomSize = 12 << 20

// headroom is memory that nobody touches, so that the system never gives it. The
// garbage collector waits until the heap has doubled: that of a server is a few
// megabytes, and it collected twenty times a second. With this beside it the heap
// grows by as much before that, and by no more, however large it is. An operator
// who tunes the collector by its own variables gets none.
func headroom() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, headroomSize)
}
