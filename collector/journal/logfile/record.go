package logfile

import "errors"

// record is one record of a file: a line, or a piece of one.
type record struct {
	start, end int64 // offsets in the file
	time       int64 // nanoseconds since 1970
	stream     Stream
	partial    bool   // the line goes on in the next record of the stream
	text       []byte // without the newline; valid until the next record is read
	attrs      []byte // of Docker: a JSON object as it stands in the file; nil if there are none
}

// maxRecord bounds a record in a file, in bytes. Docker's are below 100 KiB, since
// it cuts lines at 16 KiB, and so are containerd's unless it is configured otherwise.
const maxRecord = 16 << 20

var (
	errNotARecord = errors.New("not a record of this format")
	errTooLong    = errors.New("a record of more than 16 MiB")
)

// parser parses records of one format; it holds the memory of the last one.
type parser struct {
	format Format
	text   []byte // unescaped
}

// split finds the first record in b, as splitLine does.
func (p *parser) split(b []byte) (skip, n int, body []byte, err error) {
	if p.format == DockerLocal {
		return splitLocal(b)
	}
	return splitLine(b)
}

// parse parses the content of a record into r, all but the offsets.
func (p *parser) parse(body []byte, r *record) error {
	switch p.format {
	case DockerJSON:
		return p.parseJSON(body, r)
	case DockerLocal:
		return p.parseLocal(body, r)
	}
	return parseCRI(body, r)
}
