package frame

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// tell gives a tick events, or takes away those of the tick before.
func (w *world) tell(n int) {
	last := len(w.b.Tables) - 1
	if w.b.Tables[last].Kind == metric.Event {
		w.b.Tables = w.b.Tables[:last]
	}
	if n == 0 {
		return
	}
	w.gen++
	t := Table{Kind: metric.Event, Gen: w.gen}
	for range n {
		w.next++
		t.Rows = append(
			t.Rows,
			&Row{ID: w.next, Parent: w.b.Table(metric.Container).Rows[0].ID, Key: fmt.Sprint("event ", w.next),
				Labels: []Label{{"text", fmt.Sprintf("%0200x", w.r.Uint64())}}},
		)
		t.Vals = append(t.Vals, w.b.Time)
	}
	w.b.Tables = append(w.b.Tables, t)
}

// Events are in the frame of their tick and in no other, whichever others are
// lost; the header says that they are there; they make no keyframe due.
func TestEvents(t *testing.T) {
	for _, opt := range []EncoderOptions{
		{KeyEvery: 5}, {KeyEvery: 5, Codec: Raw}, {KeyEvery: 5, Codec: S2},
		{KeyEvery: 5, MaxPayload: 8 << 10},
	} {
		w := newWorld(3, 20)
		e, dec := NewEncoder(opt), NewDecoder()
		var keys []*Batch
		for i := range 20 {
			n := []int{0, 0, 256, 1, 0, 7}[i%6] // ticks 1, 6, 11 and 16 are keyframes, some with events
			b := w.tick()
			w.tell(n)
			parts := encode(t, e, b)
			if opt.MaxPayload == 0 && b.Keyframe() != (i%5 == 0) {
				t.Errorf("%+v: tick %d, with %d events, is a keyframe: %v", opt, b.Seq, n, b.Keyframe())
			}
			var want, got []string
			if n > 0 {
				for _, r := range b.Table(metric.Event).Rows {
					want = append(want, r.Key+r.Label("text"))
				}
			}
			if b.Keyframe() {
				keys = make([]*Batch, len(parts))
			}
			flagged := false
			for p, part := range parts {
				h, err := Peek(part)
				if err != nil {
					t.Fatal(err)
				}
				tick := new(Batch)
				if err := dec.Decode(part, keys[p], tick); err != nil {
					t.Fatalf("%+v: tick %d: %v", opt, b.Seq, err)
				}
				if b.Keyframe() {
					keys[p] = tick
				}
				table := tick.Table(metric.Event)
				if has := table != nil && len(table.Rows) > 0; h.Events != has || tick.Events != has {
					t.Errorf("%+v: tick %d, part %d: the header says %v", opt, b.Seq, p, h.Events)
				}
				if flagged = flagged || h.Events; !h.Events {
					continue
				}
				for _, r := range table.Rows {
					got = append(got, r.Key+r.Label("text"))
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) || flagged != (n > 0) || b.Events != (n > 0) {
				t.Errorf("%+v: tick %d: %d events, want %d", opt, b.Seq, len(got), len(want))
			}
		}
	}
}

// Frames with events that were written once are read for ever, as those of TestGolden.
func TestGoldenEvents(t *testing.T) {
	enc, dec := NewEncoder(EncoderOptions{Codec: Raw}), NewDecoder()
	var key Batch
	for i, b := range goldenTicks() {
		b.Tables = append(b.Tables, Table{Kind: metric.Event, Gen: uint64(i + 1), Vals: []int64{b.Time - int64(i)},
			Rows: []*Row{
				{
					ID:     uint64(i + 1),
					Parent: 1,
					Key:    "déployé",
					Labels: []Label{{"alert_type", "success"}, {"tag.version", "2"}, {"text", "line 1\nline 2"}},
				},
			}})
		if i == 0 {
			b.Tables = b.Tables[:1]
		}
		file := filepath.Join("testdata", fmt.Sprintf("v1-events-%d", i))
		wrote := encode(t, enc, b)[0]
		if *update {
			write(t, file+".frame", wrote)
			write(t, file+".txt", []byte(dump(b)))
		}
		data, want := read(t, file+".frame"), read(t, file+".txt")
		got := &Batch{}
		if err := dec.Decode(data, &key, got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if text := dump(got); text != string(want) || got.Events != (i > 0) {
			t.Errorf("%s, with events: %v, reads as\n%s\nwant\n%s", file, got.Events, text, want)
		}
		if got.Keyframe() {
			key = *got
		}
	}
}
