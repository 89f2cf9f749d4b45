// Package console is the web page of a relay. It shows agents, containers and
// events, which it asks the native API for, with the token in the link to it.
//
// The page holds no data, so it needs no token, and loads nothing from elsewhere.
package console
