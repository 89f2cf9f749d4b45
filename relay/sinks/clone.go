package sinks

import (
	"strings"

	"github.com/daytwo/daytwo/api/entry"
)

// cloner copies the entries of one batch, whose memory the decoder uses again. Values that
// several entries share stay shared: a small batch may repeat a large value very often.
type cloner struct {
	chunk  []byte
	copied map[*byte][]byte
}

// chunkSize is how many bytes of values are allocated at once.
const chunkSize = 64 << 10

// clone returns a copy of an entry with the fields that match the patterns, all if there
// are none, and with those that the methods of sink.Record read.
func (c *cloner) clone(e *entry.Entry, keep patternList) *entry.Entry {
	out := *e
	out.Cursor = strings.Clone(e.Cursor)
	out.Fields = make([]entry.Field, 0, len(e.Fields))
	for _, f := range e.Fields {
		if keep == nil || shown[f.Name] || keep.match(f.Name) {
			out.Fields = append(out.Fields, entry.Field{Name: f.Name, Value: c.value(f.Value)})
		}
	}
	return &out
}

func (c *cloner) value(v []byte) []byte {
	if len(v) == 0 {
		return nil
	}
	if have, ok := c.copied[&v[0]]; ok && len(have) == len(v) {
		return have
	}
	if c.copied == nil {
		c.copied = make(map[*byte][]byte)
	}
	if cap(c.chunk)-len(c.chunk) < len(v) {
		c.chunk = make([]byte, 0, max(chunkSize, len(v)))
	}
	from := len(c.chunk)
	c.chunk = append(c.chunk, v...)
	out := c.chunk[from:len(c.chunk):len(c.chunk)]
	c.copied[&v[0]] = out
	return out
}

// shown are the fields that the methods of sink.Record read.
var shown = map[string]bool{
	"MESSAGE": true, "PRIORITY": true, "_HOSTNAME": true, "_SYSTEMD_UNIT": true, "UNIT": true, "CONTAINER_NAME": true,
	"SYSLOG_IDENTIFIER": true, "_COMM": true, "SYSLOG_FACILITY": true, "MESSAGE_ID": true, "SYSLOG_PID": true,
	"_PID": true,
}
