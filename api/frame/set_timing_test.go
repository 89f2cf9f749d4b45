package frame

import "testing"

// BenchmarkSets is a tick of 900 sets of 20 members and 100 of 5,000, of which a
// twentieth came since the keyframe.
func BenchmarkSets(b *testing.B) {
	tick := func(seq uint64, part int) *Batch {
		all := tableOf(seq)
		t := &all.Tables[0]
		for i := range 1000 {
			n := 20
			if i%10 == 0 {
				n = 5000
			}
			t.Sets = append(t.Sets, hashes(10_000*i, 10_000*i+n*part/20))
			t.Rows = append(t.Rows, &Row{ID: uint64(i + 1), Key: "users"})
		}
		t.Vals = make([]int64, len(t.Rows)*t.Width())
		return all
	}
	enc, dec := NewEncoder(EncoderOptions{KeyEvery: 1 << 40, MaxPayload: 64 << 20}), NewDecoder()
	first := encode(b, enc, tick(1, 19))[0]
	batch := tick(2, 20)
	last := encode(b, enc, batch)[0]
	var key, dst Batch
	if err := dec.Decode(first, nil, &key); err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			batch.Seq++
			if _, err := enc.Encode(batch); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(last))/1000, "B/set")
		b.ReportMetric(float64(len(first))/1000, "B/set-key")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := dec.Decode(last, &key, &dst); err != nil {
				b.Fatal(err)
			}
		}
	})
}
