// Package grant is how a relay allows a session: a document that says who may do what in which
// container until when, signed with the relay's Ed25519 key. A node verifies it against the keys
// that it was given, and takes each grant once: who can only send messages over NATS opens
// nothing, and an altered, repeated or late grant is refused.
//
// It decides nothing: the relay's policy did.
package grant
