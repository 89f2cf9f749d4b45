// Package oidc signs people in at an identity provider (OpenID Connect): in a browser by the
// authorization code flow with PKCE, on a command line by the device flow (RFC 8628), or, where
// the provider has none, in a browser for a program that waits on the same machine (RFC 8252).
// The provider's endpoints are discovered and its keys kept up to date. In the end people get a
// token of the relay's own issuer; nothing of the provider's leaves the relay.
//
// It keeps no state of who is signing in: that is sealed in a cookie of the browser, so that
// any relay with the same key can go on. It serves no HTTP.
package oidc
