package logfile

import (
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gzipAt reads a compressed file as if it were not. Reading forward decompresses
// on; reading at an earlier offset decompresses from the start again.
type gzipAt struct {
	file io.ReaderAt
	z    *gzip.Reader
	at   int64 // offset of what z decompresses next
	size int64 // without compression; -1 until the end was reached
}

func newGzipAt(file io.ReaderAt) *gzipAt { return &gzipAt{file: file, size: -1} }

// ReadAt reads less than asked, with io.EOF, at the end only.
func (g *gzipAt) ReadAt(p []byte, off int64) (int, error) {
	if g.size >= 0 && off >= g.size {
		return 0, io.EOF
	}
	if g.z == nil || off < g.at {
		if err := g.restart(); err != nil {
			return 0, err
		}
	}
	if n, err := io.CopyN(io.Discard, g.z, off-g.at); err != nil {
		g.at += n
		return 0, g.end(err)
	}
	g.at = off
	n, err := io.ReadFull(g.z, p)
	g.at += int64(n)
	if err != nil {
		return n, g.end(err)
	}
	return n, nil
}

func (g *gzipAt) restart() error {
	g.at = 0
	var err error
	if g.z == nil {
		g.z, err = gzip.NewReader(io.NewSectionReader(g.file, 0, 1<<62))
	} else {
		err = g.z.Reset(io.NewSectionReader(g.file, 0, 1<<62))
	}
	if err != nil {
		g.z = nil
		return g.end(err)
	}
	return nil
}

// end tells the end of the content from a file that is cut off.
func (g *gzipAt) end(err error) error {
	// io.ReadFull says that it is unexpected to read less than asked, and so does a
	// reader of a file that is cut off: only the former is at the end.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && g.complete() {
		g.size = g.at
		return io.EOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutGzip
	}
	return err
}

// complete reports whether the decompressor has reached the end properly: then it
// repeats io.EOF.
func (g *gzipAt) complete() bool {
	if g.z == nil {
		return false
	}
	var b [1]byte
	n, err := g.z.Read(b[:])
	return n == 0 && err == io.EOF
}

var errCutGzip = errors.New("the compressed file is cut off")

// length returns the size without compression, which takes decompressing all.
func (g *gzipAt) length() (int64, error) {
	if g.size >= 0 {
		return g.size, nil
	}
	if g.z == nil {
		if err := g.restart(); err != nil && err != io.EOF {
			return 0, err
		}
	}
	if g.size < 0 {
		n, err := io.Copy(io.Discard, g.z)
		g.at += n
		if err != nil {
			return g.at, g.end(err)
		}
		g.size = g.at
	}
	return g.size, nil
}
