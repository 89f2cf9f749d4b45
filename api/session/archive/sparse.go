package archive

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxFragments bounds the memory of a file's holes.
const maxFragments = 1 << 20

// fragment is a part of a file that is no hole.
type fragment struct{ offset, size int64 }

var errSparse = errors.New("the archive has a sparse file with an invalid list of holes")

// sparse reads the list of fragments, with which the body of a sparse file begins.
func (r *reader) sparse(e *entry) error {
	if e.PAXRecords[recMajor] != "1" || e.PAXRecords[recMinor] != "0" {
		return fmt.Errorf("the archive has a sparse file of version %s.%s, not 1.0",
			Quote(e.PAXRecords[recMajor]), Quote(e.PAXRecords[recMinor]))
	}
	if name := e.PAXRecords[recName]; name != "" {
		e.Name = name
	}
	size, err := strconv.ParseInt(e.PAXRecords[recSize], 10, 64)
	if err != nil || size < 0 {
		return errSparse
	}
	e.size, e.data = size, []fragment{}
	before := r.rest
	count, err := r.number()
	if err != nil || count > maxFragments {
		return errSparse
	}
	end, sum := int64(0), int64(0)
	for range count {
		offset, err := r.number()
		if err != nil {
			return err
		}
		n, err := r.number()
		if err != nil {
			return err
		}
		if offset < end || n > size || offset > size-n {
			return errSparse
		}
		end = offset + n
		sum += n
		if n > 0 {
			e.data = append(e.data, fragment{offset, n})
		}
	}
	pad := min(padding(before-r.rest), r.rest)
	if err := r.discard(pad); err != nil {
		return err
	}
	if r.rest -= pad; r.rest != sum {
		return errSparse
	}
	return nil
}

// number reads a line with a number.
func (r *reader) number() (n int64, err error) {
	for digits := 0; ; digits++ {
		if r.rest == 0 {
			return 0, errSparse
		}
		c, err := r.r.ReadByte()
		if err != nil {
			return 0, cut(err)
		}
		r.rest--
		switch {
		case c == '\n' && digits > 0:
			return n, nil
		case c < '0' || c > '9' || digits == 18:
			return 0, errSparse
		}
		n = 10*n + int64(c-'0')
	}
}

// fragments returns where a file has data, or nil if it has no holes.
func fragments(fd int, st *unix.Stat_t) []fragment {
	if st.Blocks*512 >= st.Size {
		return nil
	}
	all := []fragment{}
	for at := int64(0); at < st.Size; {
		data, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if err == unix.ENXIO || err == nil && data >= st.Size {
			break
		}
		if err != nil {
			return nil // the file system does not tell
		}
		end, err := unix.Seek(fd, data, unix.SEEK_HOLE)
		if err != nil {
			return nil
		}
		end = min(end, st.Size)
		if len(all) == maxFragments-2 {
			end = st.Size // too many holes: those of the rest are sent
		}
		all = append(all, fragment{data, end - data})
		at = end
	}
	switch last := len(all) - 1; {
	case last == 0 && all[0] == (fragment{0, st.Size}):
		return nil
	case last < 0 || all[last].offset+all[last].size < st.Size:
		all = append(all, fragment{st.Size, 0}) // GNU tar takes the length of the file from it
	}
	return all
}

// appendFragments appends the list of fragments, as the body of a sparse file begins.
func appendFragments(b []byte, all []fragment) []byte {
	b = append(strconv.AppendInt(b, int64(len(all)), 10), '\n')
	for _, f := range all {
		b = append(strconv.AppendInt(b, f.offset, 10), '\n')
		b = append(strconv.AppendInt(b, f.size, 10), '\n')
	}
	return append(b, zeroBlock[:padding(int64(len(b)))]...)
}
