// Package sessions serves sessions over WebSockets: it hands each request on with who asks, and
// passes messages on. It decides nothing, and keeps nothing of what passes.
package sessions
