package series

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// Limits on one event, in bytes. Longer values are truncated.
const (
	mostTitle = 1 << 10
	mostText  = 8 << 10
	mostLabel = 1 << 10 // name or value of a tag, and all other fields
)

// mostTags is the most tags of an event. It leaves room in a row for other labels,
// including those of its origin.
const mostTags = frame.MaxLabels - 56

// pendingEvent is an event that has no row yet; the next flush makes one.
type pendingEvent struct {
	origin uint32
	waited bool  // it has waited for one tick already
	size   int   // bytes, as received
	time   int64 // when it happened, see happened
	title  string
	labels []frame.Label
}

// event stores an event for the next flush.
func (w *Worker) event(origin uint32, l *line.Line, now int64) {
	q := &w.s.events
	q.mu.Lock()
	defer q.mu.Unlock()
	size := eventSize(l)
	if !w.room(origin, size) {
		return
	}
	w.form.read(l)
	var b eventBuilder
	title := b.text(l.Title, mostTitle)
	b.addText("text", l.Text)
	b.add("host", l.Host)
	b.add("aggregation_key", l.Key)
	b.add("source_type", l.Source)
	b.oneOf("priority", l.Priority, "normal", "low")
	b.oneOf("alert_type", l.Alert, "error", "warning", "info", "success")
	b.tags(w.form.tags)
	q.push(pendingEvent{origin: origin, size: size, time: happened(l, now), title: title, labels: b.done()})
}

// change makes an event of a service check whose status changed. The check's tags are in
// w.form.
func (w *Worker) change(origin uint32, l *line.Line, now int64, first bool, before string) {
	q := &w.s.events
	q.mu.Lock()
	defer q.mu.Unlock()
	size := eventSize(l)
	if !w.room(origin, size) {
		return
	}
	var b eventBuilder
	status := statuses[l.Status&3]
	title := b.short(l.Name, mostTitle) + " is " + status.name
	if !first {
		title += ", was " + before
	}
	b.add("check", l.Name)
	b.add("host", l.Host)
	// Clients escape text that looks like the next field.
	b.addText("message", bytes.ReplaceAll(l.Message, []byte(`m\:`), []byte("m:")))
	b.put("status", status.name)
	b.put("alert_type", status.alert)
	b.tags(w.form.tags)
	q.push(pendingEvent{origin: origin, size: size, time: happened(l, now), title: title, labels: b.done()})
}

// eventSize returns how many bytes an event or a check had when it was received.
func eventSize(l *line.Line) int {
	n := len(l.Tags) + len(l.Host)
	if l.Kind == line.ServiceCheck {
		return n + 2*len(l.Name) + len(l.Message)
	}
	return n + len(l.Title) + len(l.Text) + len(l.Key) + len(l.Source)
}

// eventBuilder builds the labels of an event.
type eventBuilder struct {
	labels []frame.Label
	cut    bool
}

func (b *eventBuilder) put(name, value string) {
	b.labels = append(b.labels, frame.Label{Name: name, Value: value})
}

func (b *eventBuilder) add(name string, value []byte) {
	if len(value) > 0 {
		b.put(name, b.short(value, mostLabel))
	}
}

func (b *eventBuilder) addText(name string, value []byte) {
	if len(value) > 0 {
		b.put(name, b.text(value, mostText))
	}
}

// oneOf adds a label if the value is one of the given ones. It ignores others, as
// Datadog's agent does.
func (b *eventBuilder) oneOf(name string, value []byte, values ...string) {
	if i := slices.Index(values, string(value)); i >= 0 {
		b.put(name, values[i])
	}
}

func (b *eventBuilder) tags(tags []tag) {
	if len(tags) > mostTags {
		tags, b.cut = tags[:mostTags], true
	}
	var list []byte
	f := form{tags: tags}
	for i, t := range tags {
		if f.plain(i) {
			b.put(metric.TagLabel+b.short(t.name, mostLabel), b.short(t.value, mostLabel))
		} else {
			list = metric.AppendTag(list, b.short(t.text, 2*mostLabel))
		}
	}
	if len(list) > 0 {
		b.put(metric.TagsLabel, b.short(list, mostText))
	}
}

// done returns the labels, sorted and without duplicate names.
func (b *eventBuilder) done() []frame.Label {
	if b.cut {
		b.put("truncated", "true")
	}
	slices.SortStableFunc(b.labels, func(x, y frame.Label) int { return strings.Compare(x.Name, y.Name) })
	// Truncated names may be equal.
	return slices.CompactFunc(b.labels, func(x, y frame.Label) bool { return x.Name == y.Name })
}

// text returns a text with line ends in place of \n, which clients write.
func (b *eventBuilder) text(v []byte, most int) string {
	if bytes.Contains(v, escapedLine) {
		v = bytes.ReplaceAll(v, escapedLine, []byte{'\n'})
	}
	return b.short(v, most)
}

// short returns v as valid UTF-8, truncated at a rune boundary to at most most bytes.
func (b *eventBuilder) short(v []byte, most int) string {
	v = valid(v)
	if len(v) > most {
		b.cut = true
		for most > 0 && !utf8.RuneStart(v[most]) {
			most--
		}
		v = v[:most]
	}
	return string(v)
}

var escapedLine = []byte(`\n`)
