package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"strconv"
)

// writer writes the entries of a tar stream. Its errors are those of the stream.
type writer struct {
	w    io.Writer
	head bytes.Buffer
}

// header writes the header of an entry.
func (w *writer) header(h *tar.Header) error {
	w.head.Reset()
	h.Format = tar.FormatPAX // names of any length and bytes, times with nanoseconds
	if err := tar.NewWriter(&w.head).WriteHeader(h); err != nil {
		return &unfitError{err}
	}
	_, err := w.w.Write(w.head.Bytes())
	return err
}

// sparse writes the header of a file with holes, and where its data belong.
func (w *writer) sparse(h *tar.Header, all []fragment) error {
	list := appendFragments(nil, all)
	h.PAXRecords = map[string]string{recMajor: "1", recMinor: "0", recName: h.Name,
		recSize: strconv.FormatInt(h.Size, 10)}
	h.Size = int64(len(list))
	for _, f := range all {
		h.Size += f.size
	}
	h.Format = tar.FormatPAX
	w.head.Reset()
	if err := tar.NewWriter(&w.head).WriteHeader(h); err != nil {
		return &unfitError{err}
	}
	b := w.head.Bytes()
	if b[offType] == tar.TypeXHeader {
		size, _ := octal(b[offSize : offSize+lenSize])
		renameRecords(b[blockSize:][:size], ourRecord, gnuRecord)
	}
	if _, err := w.w.Write(b); err != nil {
		return err
	}
	_, err := w.w.Write(list)
	return err
}

// pad ends the body of an entry.
func (w *writer) pad(size int64) error {
	n := padding(size)
	if n == 0 {
		return nil
	}
	_, err := w.w.Write(zeroBlock[:n])
	return err
}

// end ends the archive.
func (w *writer) end() error {
	_, err := w.w.Write(make([]byte, 2*blockSize))
	return err
}

// unfitError is that a file has something that an archive cannot have.
type unfitError struct{ err error }

func (e *unfitError) Error() string { return "it does not fit into a tar archive: " + e.err.Error() }
