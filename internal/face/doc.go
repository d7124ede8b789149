// Package face holds what every HTTP face shares: the guard that bounds,
// counts and logs its requests ([Guard]), the client's address behind proxies
// ([ClientAddr]) and rate limits ([Limiter]).
//
// A face is a translation: its product's wire to core, core to the wire. It
// holds no rules, no SQL and no state, and does not know what else is served
// beside it. Package face knows no product: what a reply looks like is left to
// each face, also that of a handler that panicked.
package face
