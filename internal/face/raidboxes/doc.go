// Package raidboxes speaks the Raidboxes API v1, as far as it is about the SSH
// keys of the one who is logged in: a person's own keys, at a portal.
//
// Sources: the vendor's page on SSH keys, its pages on authentication and the
// gateway (docs.raidboxes.dev, version 1.x), and, where these are silent, the
// framework that the API visibly runs on: Laravel's messages and its rule for
// "(and 1 more error)", its throttle headers, its leniency with bodies. Two
// things differ from stock Laravel: validation answers 400, and the map of
// messages is called details.
//
// Quirks to know:
//   - The token comes in a response header spelt access_token, not in the body;
//     a refresh has it in both.
//   - The list is a bare array, what create answers is wrapped in data.
//   - A key has one id of 8 characters. The vendor's sample of create shows a UUID,
//     which the setting create_id brings back; delete takes both.
//   - The key itself is never given back.
//   - A body that cannot be read counts as one without fields.
//   - 403 and 422 are never sent.
//
// Left out on purpose: the vendor's boxes, certificates and subscriptions,
// reading one key, changing a title; these are 404 and 405, as there.
//
// The face has no state but its counters: of requests, by account and address,
// and of wrong passwords. They are this server's own; of several servers each
// grants as many.
package raidboxes
