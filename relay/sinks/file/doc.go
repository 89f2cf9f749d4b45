// Package file writes logs to a file, one JSON object a line. The file is rotated by size;
// rotated ones are compressed and bounded in number.
//
// It never cuts a line, and reads no log back.
package file
