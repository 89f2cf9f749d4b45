// Package users keeps local users: a file with names, groups and password hashes (argon2id,
// RFC 9106), for clusters without an identity provider. Attempts to guess a password are
// slowed by account and by address.
package users
