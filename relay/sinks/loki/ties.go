package loki

import "maps"

// ties make times of entries differ that have the same microsecond: Loki drops a line with
// the same time and text as another of the stream. Lines of one microsecond keep their
// order; from the thousandth on they share the last nanosecond.
//
// A batch that is sent again gets the same nanoseconds again, so that Loki knows what it has.
type ties struct {
	kept map[string]tied // by stream, after the last batch that Loki has answered
	now  map[string]tied // what the batch adds to that
}

// tied is the newest time of a stream, and how many of its lines had it.
type tied struct {
	us int64
	n  uint64
}

// maxStreams bounds the streams whose newest time is kept.
const maxStreams = 10_000

// tie returns nanoseconds to add to a time in microseconds.
func (t *ties) tie(stream string, us int64) uint64 {
	last, ok := t.now[stream]
	if !ok {
		last, ok = t.kept[stream]
	}
	if ok && last.us == us {
		last.n = min(last.n+1, 999)
	} else {
		last = tied{us: us}
	}
	t.now[stream] = last
	return last.n
}

// forgetTies begins a batch.
func (t *ties) forgetTies() {
	if t.now == nil {
		t.now = map[string]tied{}
	}
	clear(t.now)
}

// keepTies ends a batch that is not sent again.
func (t *ties) keepTies() {
	if t.kept == nil || len(t.kept) > maxStreams {
		t.kept = map[string]tied{}
	}
	maps.Copy(t.kept, t.now)
}
