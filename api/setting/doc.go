// Package setting holds what several programs must agree on: the defaults and limits of
// settings, and the rules for names that users choose.
//
// It reads no configuration; package cli and the programs do.
package setting
