// Package tokens keeps the tokens that a user of the command line got by signing in, by
// relay, in a file that only that user can read.
package tokens
