// Package requests keeps the requests for sessions that wait for another person's approval, in a
// key-value bucket of JetStream, so that request and approval may come to different relays, and a
// relay that restarts forgets none. How many there are and how long they live is bounded.
//
// It decides nothing, and proves nothing: who can write to the bucket can change what it has. An
// approval counts by its signature alone (api/session/grant), which nodes verify.
package requests
