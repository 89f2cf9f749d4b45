package frame

import (
	"bytes"
	"errors"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// partDecoder counts what it decodes, and what it fetches from frames.
type partDecoder struct {
	PartDecoder[Batch]
	frames           map[uint64][]byte
	decoded, fetched int
}

func newPartDecoder() *partDecoder {
	p := &partDecoder{frames: map[uint64][]byte{}}
	dec := NewDecoder()
	p.Decode = func(_ *Header, data []byte, key, dst *Batch) error {
		p.decoded++
		return dec.Decode(data, key, dst)
	}
	p.Keyframe = func(h *Header) ([]byte, error) {
		p.fetched++
		if data := p.frames[h.Key]; data != nil {
			return data, nil
		}
		return nil, ErrNoKey
	}
	return p
}

// ticks encodes ticks of a node; a keyframe comes every fifth.
func ticks(t *testing.T, n int) (frames [][]byte, usage []int64) {
	t.Helper()
	l, enc := newContainersGen(3, 1), NewEncoder(EncoderOptions{KeyEvery: 5})
	for range n {
		b := l.tick()
		parts, err := enc.Encode(b)
		if err != nil || len(parts) != 1 {
			t.Fatal(len(parts), err)
		}
		frames = append(frames, bytes.Clone(parts[0]))
		usage = append(usage, b.Tables[0].Row(1)[metric.CPUUsage])
	}
	return frames, usage
}

func TestPartDecoder(t *testing.T) {
	frames, usage := ticks(t, 12)
	p := newPartDecoder()
	for i, f := range frames {
		p.frames[uint64(i+1)] = f
	}
	next := func(i int) error {
		h, err := Peek(frames[i])
		if err != nil {
			t.Fatal(err)
		}
		var dst Batch
		b, err := p.Next(&h, frames[i], &dst)
		if err == nil && (b.Seq != uint64(i+1) || b.Tables[0].Row(1)[metric.CPUUsage] != usage[i]) {
			t.Errorf("frame %d: tick %d, usage %d, want %d", i, b.Seq, b.Tables[0].Row(1)[metric.CPUUsage], usage[i])
		}
		return err
	}
	want := func(what string, decoded, fetched int) {
		t.Helper()
		if p.decoded != decoded || p.fetched != fetched {
			t.Errorf("%s: %d decoded, %d fetched; want %d and %d", what, p.decoded, p.fetched, decoded, fetched)
		}
		p.decoded, p.fetched = 0, 0
	}
	for i := range frames {
		if err := next(i); err != nil {
			t.Fatal(err)
		}
	}
	want("in order", 12, 0)
	if err := next(3); err != nil { // of an earlier keyframe
		t.Fatal(err)
	}
	want("back", 2, 1)
	if err := next(4); err != nil {
		t.Fatal(err)
	}
	want("the same keyframe", 1, 0)
	delete(p.frames, 6)
	if err := next(7); !errors.Is(err, ErrNoKey) {
		t.Errorf("without the keyframe: %v", err)
	}
	if err := next(3); err != nil {
		t.Fatal(err)
	}
	want("after an error", 1, 1)
	p.frames[6] = []byte("rubbish")
	if err := next(7); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a damaged keyframe: %v", err)
	}
	if p.Key() != nil {
		t.Error("a damaged keyframe is kept")
	}
	if err := next(3); err != nil {
		t.Fatal(err)
	}
}

// Results that are shared are not overwritten by the next keyframe.
func TestPartDecoderShared(t *testing.T) {
	frames, usage := ticks(t, 6)
	p := newPartDecoder()
	p.Shared = true
	h, _ := Peek(frames[0])
	first, err := p.Next(&h, frames[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if h, _ = Peek(frames[5]); !h.Keyframe() {
		t.Fatalf("%+v", h)
	}
	if second, err := p.Next(&h, frames[5], nil); err != nil || second == first || second != p.Key() {
		t.Fatal(second, first, err)
	}
	if first.Seq != 1 || first.Tables[0].Row(1)[metric.CPUUsage] != usage[0] {
		t.Errorf("tick %d was overwritten", first.Seq)
	}
}

// A keyframe is the one of a delta only if all that identifies it is the same.
func TestPartDecoderHasKey(t *testing.T) {
	frames, _ := ticks(t, 1)
	key, err := Peek(frames[0])
	if err != nil {
		t.Fatal(err)
	}
	p := newPartDecoder()
	if p.HasKey(&key) {
		t.Error("there is a keyframe before any was decoded")
	}
	var dst Batch
	if _, err := p.Next(&key, frames[0], &dst); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(h *Header){
		"agent": func(h *Header) { h.Agent += "x" }, "run": func(h *Header) { h.Boot++ },
		"keyframe": func(h *Header) { h.Key++ }, "part": func(h *Header) { h.Part++ },
		"number of parts": func(h *Header) { h.Parts++ },
	} {
		delta := key
		delta.Seq++
		if !p.HasKey(&delta) {
			t.Fatal("the keyframe of the next tick is not found")
		}
		if change(&delta); p.HasKey(&delta) {
			t.Errorf("the keyframe is taken for one of another %s", what)
		}
	}
}
