// Package access says what a policy must allow for each right of a session, and what such a
// policy sees of the command. Relays decide by it, and nodes that have a policy of their own.
//
// It decides nothing itself.
package access
