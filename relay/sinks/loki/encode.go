package loki

import (
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
	order := map[string][]*sink.Record{}
	var names []string
	for i, r := range batch {
		if order[streams[i]] == nil {
			names = append(names, streams[i])
		}
		order[streams[i]] = append(order[streams[i]], r)
	}
	var request, stream, entry []byte
	for _, name := range names {
		stream = protowire.AppendTag(stream[:0], 1, protowire.BytesType)
		stream = protowire.AppendString(stream, name)
		for _, r := range order[name] {
			entry = p.appendEntry(entry[:0], name, r)
			stream = protowire.AppendTag(stream, 2, protowire.BytesType)
			stream = protowire.AppendBytes(stream, entry)
		}
		request = protowire.AppendTag(request, 1, protowire.BytesType)
		request = protowire.AppendBytes(request, stream)
	}
	return request
}

func (p *push) appendEntry(b []byte, stream string, r *sink.Record) []byte {
	at := r.Time()
	nanos := uint64(at.Nanosecond()) + p.tie(stream, at.UnixMicro())
	var ts []byte
	ts = protowire.AppendVarint(protowire.AppendTag(ts, 1, protowire.VarintType), uint64(at.Unix()))
	ts = protowire.AppendVarint(protowire.AppendTag(ts, 2, protowire.VarintType), nanos)
	b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), ts)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	if p.cfg.JSON {
		p.line = p.enc.Append(p.line[:0], r)
		b = protowire.AppendBytes(b, p.line)
	} else {
		b = protowire.AppendString(b, strings.ToValidUTF8(string(r.Message()), "\uFFFD"))
	}
	if p.cfg.NoMeta {
		return b
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
	if m := r.Message(); !utf8.Valid(m) && !p.cfg.JSON && len(m) <= 4096 { // metadata is bounded
		add("message_base64", base64.StdEncoding.EncodeToString(m))
	}
	return b
}

// tie returns nanoseconds to add to a time, which has whole microseconds: Loki drops a line
// with the same time and text as another of the stream. Lines of one microsecond keep
// their order; from the thousandth on they share the last nanosecond.
func (p *push) tie(stream string, us int64) uint64 {
	if p.last == nil || len(p.last) > maxStreams {
		p.last = map[string]tied{}
	}
	t := p.last[stream]
	if t.us == us {
		t.n = min(t.n+1, 999)
	} else {
		t = tied{us: us}
	}
	p.last[stream] = t
	return t.n
}

// tied is the newest time of a stream, and how many of its lines had it.
type tied struct {
	us int64
	n  uint64
}

// maxStreams bounds the streams whose newest time is kept.
const maxStreams = 10_000
