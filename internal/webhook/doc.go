// Package webhook delivers what happened to those who asked to be told. A
// [Worker] takes deliveries that are due from the outbox, sends each to its
// receiver, signed after Standard Webhooks, and records every try with what
// came of it.
//
// It owns the request (headers, signature, time), what counts as success, what
// is kept of a reply, the reason a failure is given, and when the next try is
// due. Every event is delivered at least once: a try is recorded after it was
// made, and one that could not be recorded is made again when its lease runs
// out, under the same webhook-id. Whoever has lost a lease, a machine that was
// suspended, begins no try under it and records none. Deliveries of one webhook go out one at a
// time and in order while none fails; one that waits for its next try does not
// hold up those behind it.
//
// It leaves to core the outbox with its leases and what follows from a try, to
// a face the body (Render), and to package safedial where may be connected to.
package webhook
