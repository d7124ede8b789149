// Package safedial makes the HTTP client that goes to addresses which
// strangers chose, such as the receivers of webhooks, and keeps it from
// becoming their way into the operator's network (server-side request forgery).
//
// It owns where may be connected to. What decides is the address itself, when
// it is dialled, after every name was looked up: a name may resolve to
// something else by then than when it was checked. Nothing internal or special
// is reached unless the operator allows it by prefix. The client follows no
// redirects, takes no proxy from the environment, keeps no cookies, verifies
// certificates, and bounds the time of an exchange and the headers of a reply.
// [Guard.CheckURL] refuses early what could never be reached.
//
// It leaves to its caller the bounds of a reply's body, of which it reads
// nothing by itself, and when to try again.
package safedial
