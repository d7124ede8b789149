// Package face holds what every HTTP face shares: the guard that bounds,
// counts and logs its requests ([Guard]), the router that leaves no request to
// anybody else's words ([Router]), the client's address behind proxies
// ([ClientAddr]), rate limits ([Limiter]), locks after failed log-ins
// ([Failures]) and JSON whose objects keep their order ([JSON]). A face that is not described in OpenAPI is a [Protocol], put
// into service by [New].
//
// A face is a translation: its product's wire to core, core to the wire. It
// holds no rules, no SQL and no state but what a process may lose, and does not know what else is served
// beside it. Package face knows no product: what a reply looks like is left to
// each face, also that of a handler that panicked.
package face
