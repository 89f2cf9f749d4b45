// Package setting states what several programs must agree on: the defaults and
// limits of their settings, and the rules for the names that users give.
//
// It reads no configuration; package cli and the programs do.
package setting
