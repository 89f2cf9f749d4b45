package loki

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Field numbers of Loki's messages (pkg/push/push.proto): PushRequest.streams = 1;
// StreamAdapter.labels = 1, entries = 2; EntryAdapter.timestamp = 1, line = 2,
// structuredMetadata = 3; LabelPairAdapter.name = 1, value = 2; Timestamp.seconds = 1, nanos = 2.

// maxValue is the size in bytes to which a label's value is cut: Loki takes 2048.
const maxValue = 1024

// maxBinary is the size in bytes up to which a message that is not UTF-8 is in the structured
// metadata, whole: Loki takes 64 kB of that.
const maxBinary = 32 << 10

// streamOf returns the labels of a record's stream, as Loki writes them.
func (p *push) streamOf(r *sink.Record) string {
	var b strings.Builder
	b.WriteByte('{')
	add := func(name, value string) {
		if value == "" {
			return
		}
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		value = strings.ToValidUTF8(value[:min(len(value), maxValue)], "\uFFFD")
		b.WriteString(name + "=" + strconv.Quote(value))
	}
	for _, l := range labels {
		if slices.Contains(p.cfg.Labels, l.name) {
			add(l.name, l.of(r))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Static)) {
		add(name, p.cfg.Static[name])
	}
	if b.Len() == 1 { // Loki wants a label
		add("agent", r.Agent)
	}
	b.WriteByte('}')
	return b.String()
}

// encode returns a PushRequest with the records, by stream.
func (p *push) encode(batch []*sink.Record, streams []string) []byte {
	p.forgetTies()
	p.lengths = slices.Grow(p.lengths[:0], len(batch))[:len(batch)]
	order := map[string][]int{}
	var names []string
	for i := range batch {
		if order[streams[i]] == nil {
			names = append(names, streams[i])
		}
		order[streams[i]] = append(order[streams[i]], i)
	}
	var request, stream, entry []byte
	for _, name := range names {
		stream = protowire.AppendTag(stream[:0], 1, protowire.BytesType)
		stream = protowire.AppendString(stream, name)
		for _, i := range order[name] {
			entry, p.lengths[i] = p.appendEntry(entry[:0], name, batch[i])
			stream = protowire.AppendTag(stream, 2, protowire.BytesType)
			stream = protowire.AppendBytes(stream, entry)
		}
		request = protowire.AppendTag(request, 1, protowire.BytesType)
		request = protowire.AppendBytes(request, stream)
	}
	return request
}

// appendEntry appends a record, and returns the length of its line, too.
func (p *push) appendEntry(b []byte, stream string, r *sink.Record) (entry []byte, line int) {
	at := r.Time()
	nanos := uint64(at.Nanosecond()) + p.tie(stream, at.UnixMicro())
	var ts []byte
	ts = protowire.AppendVarint(protowire.AppendTag(ts, 1, protowire.VarintType), uint64(at.Unix()))
	ts = protowire.AppendVarint(protowire.AppendTag(ts, 2, protowire.VarintType), nanos)
	b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), ts)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	if p.cfg.JSON {
		p.line = p.enc.Append(p.line[:0], r)
	} else {
		p.line = append(p.line[:0], bytes.ToValidUTF8(r.Text(), []byte("\uFFFD"))...)
	}
	line = len(p.line)
	b = protowire.AppendBytes(b, p.line)
	if p.cfg.NoMeta {
		return b, line
	}
	add := func(name, value string) {
		if value == "" {
			return
		}
		var pair []byte
		pair = protowire.AppendString(protowire.AppendTag(pair, 1, protowire.BytesType), name)
		value = strings.ToValidUTF8(value, "\uFFFD")
		pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), value)
		b = protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), pair)
	}
	add("id", r.ID)
	for _, l := range labels {
		if !slices.Contains(p.cfg.Labels, l.name) {
			add(l.name, l.of(r))
		}
	}
	for _, tag := range metric.OriginTags {
		if tag != "agent_id" {
			add(tag, r.Tag(tag))
		}
	}
	if r.Event != nil {
		add("event", string(r.Event.Kind))
		if r.Event.Count > 0 {
			add("count", strconv.FormatUint(r.Event.Count, 10))
		}
	}
	if r.Cut > 0 {
		add("cut", strconv.Itoa(r.Cut))
	}
	if m := r.Text(); !utf8.Valid(m) && !p.cfg.JSON && len(m) <= maxBinary {
		add("message_base64", base64.StdEncoding.EncodeToString(m))
	}
	return b, line
}
