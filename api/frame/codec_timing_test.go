package frame

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// recording is one keyframe and the deltas after it.
func recording(t testing.TB, containers, ticks int, busy float64, codec Codec) (l *containersGen, frames [][]byte) {
	w := newContainersGen(containers, busy)
	enc := NewEncoder(EncoderOptions{Codec: codec, MaxPayload: 64 << 20})
	for range ticks {
		parts, err := enc.Encode(w.tick())
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, bytes.Clone(parts[0]))
	}
	return w, frames
}

func samples(b *Batch) int {
	n := 0
	for i := range b.Tables {
		n += len(b.Tables[i].Vals)
	}
	return n
}

func each(b *testing.B, run func(b *testing.B, rows int, busy float64)) {
	for _, rows := range []int{1000, 10000} {
		for _, busy := range []float64{0.1, 1} {
			b.Run(fmt.Sprintf("rows=%d/working=%v", rows, busy), func(b *testing.B) { run(b, rows, busy) })
		}
	}
}

func BenchmarkEncodeDelta(b *testing.B) {
	each(b, func(b *testing.B, rows int, busy float64) {
		w := newContainersGen(rows, busy)
		enc := NewEncoder(EncoderOptions{KeyEvery: 1 << 40, MaxPayload: 64 << 20})
		for range 30 { // half way to the next keyframe
			if _, err := enc.Encode(w.tick()); err != nil {
				b.Fatal(err)
			}
		}
		batch := w.tick()
		size := 0
		b.ReportAllocs()
		for b.Loop() {
			batch.Seq++
			parts, err := enc.Encode(batch)
			if err != nil {
				b.Fatal(err)
			}
			size = len(parts[0])
		}
		report(b, batch, size)
	})
}

func BenchmarkEncodeKey(b *testing.B) {
	each(b, func(b *testing.B, rows int, busy float64) {
		batch := newContainersGen(rows, busy).tick()
		enc := NewEncoder(EncoderOptions{MaxPayload: 64 << 20})
		size := 0
		b.ReportAllocs()
		for b.Loop() {
			batch.Seq++
			enc.ForceKey()
			parts, err := enc.Encode(batch)
			if err != nil {
				b.Fatal(err)
			}
			size = len(parts[0])
		}
		report(b, batch, size)
	})
}

func BenchmarkDecodeDelta(b *testing.B) {
	each(b, func(b *testing.B, rows int, busy float64) {
		w, frames := recording(b, rows, 30, busy, Zstd)
		dec := NewDecoder()
		var key, dst Batch
		if err := dec.Decode(frames[0], nil, &key); err != nil {
			b.Fatal(err)
		}
		last := frames[len(frames)-1]
		b.ReportAllocs()
		for b.Loop() {
			if err := dec.Decode(last, &key, &dst); err != nil {
				b.Fatal(err)
			}
		}
		report(b, &w.b, len(last))
	})
}

func BenchmarkDecodeKey(b *testing.B) {
	each(b, func(b *testing.B, rows int, busy float64) {
		w, frames := recording(b, rows, 1, busy, Zstd)
		dec := NewDecoder()
		var key Batch
		b.ReportAllocs()
		for b.Loop() {
			if err := dec.Decode(frames[0], nil, &key); err != nil {
				b.Fatal(err)
			}
		}
		report(b, &w.b, len(frames[0]))
	})
}

func BenchmarkDecodeOneColumn(b *testing.B) {
	each(b, func(b *testing.B, rows int, busy float64) {
		w, frames := recording(b, rows, 30, busy, Zstd)
		dec := NewDecoder()
		cols := []int{metric.CPUUsage}
		var key, dst Columns
		if err := dec.DecodeColumns(frames[0], nil, &key, metric.Container, cols); err != nil {
			b.Fatal(err)
		}
		last := frames[len(frames)-1]
		b.ReportAllocs()
		for b.Loop() {
			if err := dec.DecodeColumns(last, &key, &dst, metric.Container, cols); err != nil {
				b.Fatal(err)
			}
		}
		report(b, &w.b, len(last))
	})
}

func report(b *testing.B, batch *Batch, size int) {
	n := float64(samples(batch))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/sample")
	b.ReportMetric(float64(size)/n, "B/sample")
}
