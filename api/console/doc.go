// Package console is the web page of a relay. It shows agents, containers and events, which
// it requests from the native API as who is signed in, and signs people in and out. Who that
// is, is in a cookie that the page cannot read.
//
// The page itself contains no data, so that everybody may load it. It loads nothing from other
// servers.
package console
