package fluentd

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// appendChunk appends a message with entries: [tag, entries, options].
func (f *forward) appendChunk(b []byte, tag string, entries []byte, n int, id string) []byte {
	b = msgp.AppendArrayHeader(b, 3)
	b = msgp.AppendString(b, tag)
	options := uint32(1)
	if !f.cfg.NoGzip {
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestSpeed) // fails for an unknown level only
		_, _ = w.Write(entries)
		_ = w.Close()
		entries = z.Bytes()
		options++
	}
	if !f.cfg.NoAck {
		options++
	}
	b = msgp.AppendBytes(b, entries)
	b = msgp.AppendMapHeader(b, options)
	b = msgp.AppendInt(msgp.AppendString(b, "size"), n)
	if !f.cfg.NoGzip {
		b = msgp.AppendString(msgp.AppendString(b, "compressed"), "gzip")
	}
	if !f.cfg.NoAck {
		b = msgp.AppendString(msgp.AppendString(b, "chunk"), id)
	}
	return b
}

// appendEntry appends [time, record].
func appendEntry(b []byte, r *sink.Record) []byte {
	b = msgp.AppendArrayHeader(b, 2)
	b = appendTime(b, r.Time())
	type member struct {
		name  string
		value any // string, int, or []byte
	}
	all := []member{{"id", r.ID}, {"level", r.Level()}, {"priority", r.Priority()}, {"host", r.Host()}}
	add := func(name, value string) {
		if value != "" {
			all = append(all, member{name, value})
		}
	}
	for _, tag := range metric.OriginTags {
		add(tag, r.Tag(tag))
	}
	add("unit", r.Unit())
	add("identifier", r.Identifier())
	add("container", r.Container())
	if r.Cut > 0 {
		all = append(all, member{"cut", r.Cut})
	}
	fields := 0
	if e := r.Event; e != nil {
		add("message", e.Message)
		add("event", string(e.Kind))
		add("source", e.Source)
		if e.Count > 0 {
			add("count", strconv.FormatUint(e.Count, 10))
		}
	} else {
		add("cursor", entry.CursorID(r.Entry.Cursor))
		fields = 1
		if _, has := r.Entry.Get("MESSAGE"); !has {
			add("message", " ")
		} else {
			fields = 2
		}
	}
	b = msgp.AppendMapHeader(b, uint32(len(all)+fields))
	for _, m := range all {
		b = msgp.AppendString(b, m.name)
		switch v := m.value.(type) {
		case string:
			b = msgp.AppendString(b, v)
		case int:
			b = msgp.AppendInt(b, v)
		}
	}
	if r.Entry != nil {
		b = appendFields(b, r, fields == 2)
	}
	return b
}

// appendFields appends the members message, if there is one, and fields. A value that is
// not UTF-8 is binary; one that occurs several times is an array.
func appendFields(b []byte, r *sink.Record, message bool) []byte {
	f := r.Entry.Fields
	order := make([]int, len(f))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		switch {
		case f[x].Name < f[y].Name:
			return -1
		case f[x].Name > f[y].Name:
			return 1
		}
		return 0
	})
	var groups [][]int
	var messages []int
	for i := 0; i < len(order); {
		end := i + 1
		for end < len(order) && f[order[end]].Name == f[order[i]].Name {
			end++
		}
		if f[order[i]].Name == "MESSAGE" {
			messages = order[i:end]
		} else {
			groups = append(groups, order[i:end])
		}
		i = end
	}
	values := func(b []byte, group []int) []byte {
		if len(group) > 1 {
			b = msgp.AppendArrayHeader(b, uint32(len(group)))
		}
		for _, i := range group {
			if utf8.Valid(f[i].Value) {
				b = msgp.AppendStringFromBytes(b, f[i].Value)
			} else {
				b = msgp.AppendBytes(b, f[i].Value)
			}
		}
		return b
	}
	if message {
		b = values(msgp.AppendString(b, "message"), messages)
	}
	b = msgp.AppendMapHeader(msgp.AppendString(b, "fields"), uint32(len(groups)))
	for _, g := range groups {
		b = values(msgp.AppendString(b, f[g[0]].Name), g)
	}
	return b
}

// appendTime appends an EventTime: extension type 0, seconds and nanoseconds.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, 0xd7, 0x00) // fixext 8, type 0
	b = binary.BigEndian.AppendUint32(b, uint32(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}
