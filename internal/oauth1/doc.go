// Package oauth1 reads requests that are signed by OAuth 1.0 (RFC 5849) with
// HMAC-SHA1 and a key that was given out beforehand, and checks their
// signatures. It is pure: no network, no store, no clock.
//
// [Parse] takes a request apart and gives a [Signed]. That says who claims to
// have signed; [Signed.Verify] says whether it is so. Whoever verifies has to
// do three more things: find the secrets, hold the timestamp to a window with
// [Signed.Fresh], and refuse a nonce that was seen within that window
// ([Signed.NonceKey]). A signature alone can be sent again by anyone who saw it.
//
// Tolerated, because clients do it: an empty realm first, blanks after commas
// and around the equals sign, values without quotes, an unescaped = or + in a
// value. Refused: another signature method, a protocol parameter that is there
// twice or in two places, and any text whose percent-encoding cannot be read.
// Secrets in a request, as some manuals ask for, are not looked at.
package oauth1
