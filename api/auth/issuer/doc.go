// Package issuer signs the tokens of a relay: for local users who signed in, and for
// programs. Its key is made once and kept in a file, which relays of a cluster may share; the
// public part is a JSON Web Key Set, so that others can verify the tokens too.
package issuer
