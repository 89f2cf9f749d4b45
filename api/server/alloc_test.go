//go:build !race

package server

import (
	"io"
	"strconv"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// The collector updates every tick.
func TestLocalUpdateAllocatesNothing(t *testing.T) {
	l, b := query.NewLocal(testAgent, "node-1"), testBatch(100, true)
	update := func(dst *frame.Batch) { query.CopyBatch(dst, b) }
	l.Update(update)
	l.Update(update)
	if n := testing.AllocsPerRun(50, func() { l.Update(update) }); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}

// A scrape's allocations must not grow with its rows.
func TestExpositionAllocatesLittle(t *testing.T) {
	e, b := NewExposition(false), testBatch(300, true)
	write := func() {
		if err := e.Write(io.Discard, false, b); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if n := testing.AllocsPerRun(20, write); n > 20 {
		t.Errorf("%v allocations a scrape of %d rows", n, 300)
	}
}

// Nor with its series of tasks.
func TestAppExpositionAllocatesLittle(t *testing.T) {
	b := testBatch(10, false)
	var series []sent
	for i := range uint64(2000) {
		series = append(series,
			sent{id: 2*i + 1, parent: i%10 + 1, name: "hits", typ: "c", value: float64(i), tags: []string{"n", strconv.Itoa(int(i))}},
			sent{id: 2*i + 2, parent: i%10 + 1, name: "took", typ: "ms", observed: []float64{1, float64(i)}, tags: []string{"n", strconv.Itoa(int(i))}})
	}
	addSent(b, series...)
	for _, format := range []promFormat{textFormat, protoFormat} {
		e := NewExposition(false)
		write := func() {
			if err := e.write(io.Discard, format, nil, b); err != nil {
				t.Fatal(err)
			}
		}
		write()
		if n := testing.AllocsPerRun(20, write); n > 100 {
			t.Errorf("format %d: %v allocations a scrape of %d series", format, n, len(series))
		}
	}
}

func TestLocalUpdateWithSeriesAllocatesNothing(t *testing.T) {
	l, b := query.NewLocal(testAgent, "node-1"), testBatch(10, true)
	addSent(b, sent{id: 1, parent: 1, name: "hits", typ: "c"}, sent{id: 2, parent: 1, name: "took", typ: "ms", observed: []float64{1, 2, 1000}})
	update := func(dst *frame.Batch) { query.CopyBatch(dst, b) }
	l.Update(update)
	l.Update(update)
	if n := testing.AllocsPerRun(50, func() { l.Update(update) }); n != 0 {
		t.Errorf("%v allocations an update", n)
	}
}
