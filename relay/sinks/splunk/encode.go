package splunk

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// encode returns the body of a request.
func (c *collector) encode(batch []*sink.Record) []byte {
	b := c.body[:0]
	for _, r := range batch {
		if c.cfg.Raw {
			b = append(c.enc.Append(b, r), '\n')
		} else {
			b = c.event(b, r)
		}
	}
	c.body = b
	return b
}

// event appends a record as an event with its metadata.
func (c *collector) event(b []byte, r *sink.Record) []byte {
	b = sink.AppendSeconds(append(b, `{"time":`...), r.Time())
	b = sink.AppendText(append(b, `,"host":`...), r.Host())
	b = sink.AppendText(append(b, `,"source":`...), c.source(r))
	b = sink.AppendText(append(b, `,"sourcetype":`...), c.cfg.SourceType)
	if c.cfg.Index != "" {
		b = sink.AppendText(append(b, `,"index":`...), c.cfg.Index)
	}
	b = append(b, `,"event":`...)
	whole := true
	if c.cfg.Event == "json" {
		b = c.enc.Append(b, r)
	} else {
		var t string
		t, whole = text(r)
		b = sink.AppendText(b, t)
	}
	b = sink.AppendText(append(b, `,"fields":{"id":`...), r.ID)
	add := func(name, value string) {
		if value != "" {
			b = append(b, ',', '"')
			b = append(b, name...)
			b = sink.AppendText(append(b, '"', ':'), value)
		}
	}
	add("level", r.Level())
	for _, tag := range metric.OriginTags {
		add(tag, r.Tag(tag))
	}
	add("unit", r.Unit())
	add("identifier", r.Identifier())
	add("container", r.Container())
	if r.Event != nil {
		add("event", string(r.Event.Kind))
		if r.Event.Count > 0 {
			add("count", strconv.FormatUint(r.Event.Count, 10))
		}
	}
	if r.Cut > 0 {
		add("cut", strconv.Itoa(r.Cut))
	}
	if !whole {
		add("message_base64", base64.StdEncoding.EncodeToString(r.Text()))
	}
	return append(b, "}}\n"...)
}

func (c *collector) source(r *sink.Record) string {
	for _, s := range []string{c.cfg.Source, r.Unit(), r.Identifier()} {
		if s != "" {
			return s
		}
	}
	return "daytwo"
}

// text returns the text of a record. Splunk refuses an event that is blank, and with it the
// whole request: it becomes one space. The second result reports whether the text is all of
// the record's.
func text(r *sink.Record) (string, bool) {
	m := r.Text()
	if len(bytes.Trim(bytes.TrimSpace(m), "\x00")) == 0 {
		return " ", len(m) == 0 || string(m) == " "
	}
	return string(m), utf8.Valid(m)
}
