// Package recordings keeps the recordings of sessions that a relay has written: files in one
// directory, encrypted if there are recipients, for some time, and with a bound of their size. It
// finds them again, and writes new ones.
//
// It knows nothing of sessions that run.
package recordings
