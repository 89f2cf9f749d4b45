package logfile

import (
	"errors"
	"fmt"
	"io/fs"
)

// FileError says what is wrong with a file or directory.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// fileError names a path once only.
func fileError(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &FileError{path, err}
}

// LostError says that lines went before they were read.
type LostError struct {
	Path  string
	Cause LossCause
	// Sure is false if lines were lost only perhaps: what is left does not tell.
	Sure bool
	// Files is how many whole files are lost, 0 if none or unknown.
	Files int64
	// Bytes is how much of a file is lost at least, in bytes as stored, 0 if unknown.
	// How many lines that was cannot be known.
	Bytes int64
}

// LossCause is what destroyed lines.
type LossCause uint8

// Causes of loss.
const (
	Rotated   LossCause = iota // rotation removed files
	Truncated                  // a file was truncated
)

func (e *LostError) Error() string {
	how := "rotation removed"
	if e.Cause == Truncated {
		how = "truncation removed"
	}
	perhaps := ""
	if !e.Sure {
		perhaps = ", perhaps"
	}
	switch {
	case e.Files > 0 && e.Bytes > 0:
		return fmt.Sprintf(
			"%s: %s %d files with at least %d bytes that were not read%s",
			e.Path,
			how,
			e.Files,
			e.Bytes,
			perhaps,
		)
	case e.Files > 0:
		return fmt.Sprintf("%s: %s %d files that were not read%s", e.Path, how, e.Files, perhaps)
	case e.Bytes > 0:
		return fmt.Sprintf("%s: %s at least %d bytes that were not read%s", e.Path, how, e.Bytes, perhaps)
	}
	return fmt.Sprintf("%s: %s lines that were not read%s", e.Path, how, perhaps)
}

// BadError says that a file has bytes that are no records: they were passed over.
type BadError struct {
	Path   string
	Offset int64 // of the first ones, in the file as it is without compression
	Bytes  int64
	Err    error
}

func (e *BadError) Error() string {
	return fmt.Sprintf("%s: %d bytes at offset %d were passed over: %v", e.Path, e.Bytes, e.Offset, e.Err)
}
func (e *BadError) Unwrap() error { return e.Err }

// isBad reports whether an error is a BadError: reading can go on behind it.
func isBad(err error) bool {
	_, ok := err.(*BadError)
	return ok
}

// CutError says that a line was longer than MaxLine: it is shown in parts.
type CutError struct {
	Path   string
	Offset int64 // of the line's first piece
}

func (e *CutError) Error() string {
	return fmt.Sprintf(
		"%s: the line at offset %d is longer than %d bytes and is shown in parts",
		e.Path,
		e.Offset,
		MaxLine,
	)
}
