//go:build !race

package logrpc

import (
	"encoding/binary"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

// Reading entries costs a few allocations a batch, and none an entry.
func TestAllocReader(t *testing.T) {
	var enc entry.Encoder
	answer := []byte{0}
	const batches, entries = 50, 100
	for b := range batches {
		for i := range entries {
			e := &entry.Entry{Cursor: "s=1;i=2", Realtime: int64(b*100 + i), Fields: []entry.Field{
				{Name: "MESSAGE", Value: []byte("a line of text")}, {Name: "PRIORITY", Value: []byte("6")},
			}}
			if err := enc.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		_ = enc.Finish(entry.Header{}, 0, func(m []byte) error {
			answer = append(binary.AppendUvarint(answer, uint64(len(m))), m...)
			return nil
		})
	}
	n := testing.AllocsPerRun(20, func() {
		r := &reader{stream: &chunks{answer, 16 << 10}}
		if err := r.accepted(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range batches * entries {
			if _, err := r.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 3*batches {
		t.Errorf("%v allocations for %d batches of %d entries", n, batches, entries)
	}
}
