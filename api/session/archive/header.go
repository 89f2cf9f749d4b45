package archive

import (
	"archive/tar"
	"bytes"
	"strconv"
)

const (
	blockSize = 512
	// maxSpecial bounds the headers that come before an entry's own, as archive/tar does.
	maxSpecial = 1 << 20
)

// archive/tar fills holes with zeros when it reads them and does not write any, so it does not
// get to see the records of sparse files: they are renamed, to names of the same length.
const (
	gnuRecord  = "GNU.sparse."
	ourRecord  = "GNU_sparse."
	recMajor   = ourRecord + "major"
	recMinor   = ourRecord + "minor"
	recName    = ourRecord + "name"
	recSize    = ourRecord + "realsize"
	typeXName  = tar.TypeGNULongName
	typeXLink  = tar.TypeGNULongLink
	offSize    = 124 // of a header's fields
	offType    = 156
	lenSize    = 12
	maxHeaders = 8 // that belong to one entry
)

// renameRecords renames the records of a PAX header whose names begin with a prefix. What is no
// valid record is left for archive/tar to refuse.
func renameRecords(b []byte, from, to string) {
	for len(b) > 0 {
		space := bytes.IndexByte(b, ' ')
		if space <= 0 || space > 10 {
			return
		}
		n, err := strconv.Atoi(string(b[:space]))
		if err != nil || n <= space+1 || n > len(b) {
			return
		}
		if rec := b[space+1 : n]; bytes.HasPrefix(rec, []byte(from)) {
			copy(rec, to)
		}
		b = b[n:]
	}
}

// padding returns how many bytes follow a body of a size, to fill its last block.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// hasBody reports whether an entry of a type is followed by as many bytes as its size says.
func hasBody(typ byte) bool {
	switch typ {
	case tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo:
		return false
	}
	return true
}

// octal parses the size of a header that comes before an entry's own.
func octal(b []byte) (n int64, ok bool) {
	b = bytes.Trim(b, " \x00")
	if len(b) == 0 {
		return 0, true
	}
	v, err := strconv.ParseUint(string(b), 8, 62)
	return int64(v), err == nil
}
