// Package recording is the format of recordings of sessions, asciicast version 2, with what
// daytwo adds to it: an encoder, a reader that trusts no file, pieces that are joined by the
// offsets of the program's output, text for searches, and output that harms no terminal.
//
// It keeps no files; the relay's package recordings does.
package recording
