package server

import "keyrack/internal/password"

// Passwords at their full cost, under the race detector, were most of the time
// that the tests took; internal/core has what they cost.
func init() { passwordCost = password.Cost{Time: 1, Memory: 64, Threads: 1} }
