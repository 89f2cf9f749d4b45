// Package console is the web page of a relay: one file, nothing loaded from
// anywhere else, that shows agents and containers by asking the native API
// with the token that the link to it carries.
//
// The page itself holds no data, so it needs no token.
package console
