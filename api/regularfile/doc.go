// Package regularfile reads files that others write: regular ones, of a bounded size.
//
// It never waits for the writer of a named pipe, and reads no device.
package regularfile
