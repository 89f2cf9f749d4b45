// Package session has the words of sessions, which are commands run inside a container from
// elsewhere: the rights that a session may have, what it runs, how long it may last, and how
// it ended. Its packages: wire is how its streams cross every connection, grant is how a relay
// allows it.
//
// It does nothing, and links next to nothing: the small program beside each session uses it.
package session
