// Package console is the web page of a relay. It shows agents, containers and events, which
// it requests from the native API with the token from its link.
//
// The page itself contains no data, so that it does not require the token. It loads nothing
// from other servers.
package console
