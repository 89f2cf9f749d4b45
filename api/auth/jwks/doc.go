// Package jwks holds the keys that verify tokens (JSON Web Key Sets, RFC 7517): read from a
// file, or kept up to date from the URL of an issuer.
//
// A key verifies with one algorithm only, which is fixed by the key and never by the token
// (RFC 8725 §3.1): RS256, ES256, EdDSA with Ed25519, or HS256. Keys of other types, keys for
// encryption and keys that are too weak are left out; one strange key does not spoil a set.
package jwks
