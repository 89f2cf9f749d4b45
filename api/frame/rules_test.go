package frame

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

func encode(t testing.TB, e *Encoder, b *Batch) [][]byte {
	t.Helper()
	parts, err := e.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	var own [][]byte
	for _, p := range parts {
		own = append(own, bytes.Clone(p))
	}
	return own
}

func TestWhenKeyframes(t *testing.T) {
	w := newWorld(1, 100)
	e := NewEncoder(EncoderOptions{KeyEvery: 10})
	tick := func(want bool, why string) {
		t.Helper()
		b := w.tick()
		encode(t, e, b)
		if b.Keyframe() != want {
			t.Errorf("seq %d: keyframe %v, want %v: %s", b.Seq, b.Keyframe(), want, why)
		}
	}
	tick(true, "the first")
	for range 9 {
		tick(false, "a delta")
	}
	tick(true, "after ten ticks")
	for range 14 { // 28 rows of 200: more than 10% and 8
		w.add()
	}
	tick(false, "some rows more: still a delta")
	for range 2 {
		w.add()
	}
	tick(true, "more than a tenth is new")
	tick(false, "a delta")
	e.ForceKey()
	tick(true, "asked for")
	tick(false, "a delta")
	w.b.Boot++
	tick(true, "another boot")
	w.b.Seq -= 2
	tick(true, "the sequence stepped back")
	e.SetMaxPayload(12 << 10)
	tick(true, "another payload limit")
	if w.b.Parts < 2 {
		t.Error("not split")
	}
}

// Any delta decodes with its keyframe alone, in any order, with others lost.
func TestLostDelta(t *testing.T) {
	w := newWorld(2, 50)
	w.churn, w.busy = 0.15, 0.5
	e := NewEncoder(EncoderOptions{})
	dec := NewDecoder()
	var key Batch
	var frames [][]byte
	var want []*Batch
	for range 20 {
		b := w.tick()
		frames = append(frames, encode(t, e, b)[0])
		want = append(want, refDecode(frames[len(frames)-1], refKey(want)))
	}
	if err := dec.Decode(frames[0], nil, &key); err != nil {
		t.Fatal(err)
	}
	var dst Batch
	for _, i := range []int{19, 3, 11, 3, 1} {
		if err := dec.Decode(frames[i], &key, &dst); err != nil {
			t.Fatal(err)
		}
		same(t, want[i], &dst)
		for r, row := range dst.Table(metric.Container).Rows {
			if slices.ContainsFunc(
				key.Table(metric.Container).Rows,
				func(k *Row) bool { return k.ID == row.ID && k != row },
			) {
				t.Errorf("row %d is a copy of the keyframe's", r)
			}
		}
	}
	if err := dec.Decode(frames[5], nil, &dst); !errors.Is(err, ErrNoKey) || len(dst.Tables) != 0 {
		t.Errorf("a delta without key: %v", err)
	}
	if err := dec.Decode(frames[5], &dst, &Batch{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("a delta with another key: %v", err)
	}
}

func refKey(b []*Batch) *Batch {
	if len(b) == 0 {
		return nil
	}
	return b[0]
}

// Wrong identities are mended, not refused: a label must not cost a node its metrics.
func TestRepair(t *testing.T) {
	many := make([]Label, 300)
	for i := range many {
		many[i] = Label{strings.Repeat("n", i+1), "v"}
	}
	rows := []*Row{
		{ID: 1, Key: "unsorted", Labels: []Label{{"b", "2"}, {"a", "1"}, {"a", "again"}, {"", "x"}, {"c", ""}}},
		{ID: 2, Key: "not utf-8", Labels: []Label{{"a", "x\xff"}}},
		{ID: 3, Key: "many", Labels: many},
		{ID: 4, Key: "long", Labels: []Label{{"a", strings.Repeat("x", 1<<20)}, {"b", "kept"}}},
		{ID: 5, Key: strings.Repeat("k", 1<<20)},
		{ID: 6, Key: "good \xff", Labels: []Label{{"a", "1"}}},
	}
	b := &Batch{Header: Header{Agent: "n", Seq: 1, Interval: 1}}
	b.Tables = []Table{
		{Kind: metric.ContainerIO, Gen: 1, Rows: rows, Vals: make([]int64, len(rows)*metric.Width(metric.ContainerIO))},
	}
	e := NewEncoder(EncoderOptions{})
	var got Batch
	if err := NewDecoder().Decode(encode(t, e, b)[0], nil, &got); err != nil {
		t.Fatal(err)
	}
	if e.Repaired() != 5 {
		t.Errorf("%d repaired, want 5", e.Repaired())
	}
	r := got.Tables[0].Rows
	if !slices.Equal(r[0].Labels, []Label{{"a", "1"}, {"b", "2"}}) ||
		r[1].Label("a") != "x\uFFFD" || len(r[2].Labels) != MaxLabels ||
		!slices.Equal(r[3].Labels, []Label{{"b", "kept"}}) ||
		len(r[4].Key) == 0 ||
		r[5].Key != rows[5].Key {
		t.Errorf("%+v", r[:2])
	}
}

func TestEncodeRefuses(t *testing.T) {
	w := metric.Width(metric.Disk)
	many := make([]int64, metric.Width(metric.Container))
	for i := range many {
		many[i] = 1 << (20 + i%40)
	}
	for name, b := range map[string]*Batch{
		"no seq":       {Header: Header{Agent: "n"}},
		"no agent":     {Header: Header{Seq: 1}},
		"long agent":   {Header: Header{Seq: 1, Agent: strings.Repeat("a", 300)}},
		"kinds fall":   {Header: Header{Seq: 1, Agent: "n"}, Tables: []Table{{Kind: 3}, {Kind: 2}}},
		"kind twice":   {Header: Header{Seq: 1, Agent: "n"}, Tables: []Table{{Kind: 3}, {Kind: 3}}},
		"unknown kind": {Header: Header{Seq: 1, Agent: "n"}, Tables: []Table{{Kind: 99}}},
		"values lack": {
			Header: Header{Seq: 1, Agent: "n"},
			Tables: []Table{{Kind: metric.ContainerIO, Rows: []*Row{{ID: 1}}, Vals: make([]int64, 3)}},
		},
		"one huge row": {
			Header: Header{Seq: 1, Agent: "n"},
			Tables: []Table{{Kind: metric.Container, Rows: []*Row{{ID: 1}}, Vals: many}},
		},
		"values exceed": {Header: Header{Seq: 1, Agent: "n"}, Tables: []Table{{Kind: metric.Disk, Vals: make([]int64, w+1)}}},
	} {
		if _, err := NewEncoder(EncoderOptions{MaxPayload: 200, Codec: Raw}).Encode(b); err == nil {
			t.Errorf("%s: encoded", name)
		} else if name == "one huge row" && !errors.Is(err, ErrTooBig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A body that is small is not worth the tables of Zstd.
func TestSmallBodies(t *testing.T) {
	for rows, want := range map[int]Codec{3: S2, 300: Zstd} {
		b := newContainersGen(rows, 1).tick()
		part := encode(t, NewEncoder(EncoderOptions{}), b)[0]
		var h Header
		env, err := parseHeader(part, &h)
		if err != nil || env.codec != want || (env.raw <= smallBody) != (want == S2) {
			t.Errorf("%d rows: %d bytes are packed by codec %d, want %d (%v)", rows, env.raw, env.codec, want, err)
		}
		var got Batch
		if err := NewDecoder().Decode(part, nil, &got); err != nil ||
			!slices.Equal(got.Tables[0].Vals, b.Tables[0].Vals) {
			t.Errorf("%d rows do not come back: %v", rows, err)
		}
	}
}
