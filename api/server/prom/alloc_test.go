//go:build !race

package prom

import (
	"io"
	"strconv"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// A scrape's allocations must not grow with its rows.
func TestExpositionAllocatesLittle(t *testing.T) {
	e, b := newExposition(false), testtick.New(300, true)
	write := func() {
		if err := e.write(io.Discard, textFormat, nil, b); err != nil {
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
	b := testtick.New(10, false)
	var series []testtick.Sent
	for i := range uint64(2000) {
		series = append(series,
			testtick.Sent{ID: 2*i + 1, Parent: i%10 + 1, Name: "hits", Type: "c", Value: float64(i),
				Tags: []string{"n", strconv.Itoa(int(i))}},
			testtick.Sent{ID: 2*i + 2, Parent: i%10 + 1, Name: "took", Type: "ms", Observed: []float64{1, float64(i)},
				Tags: []string{"n", strconv.Itoa(int(i))}})
	}
	testtick.AddSent(b, series...)
	for _, format := range []format{textFormat, protobufFormat} {
		e := newExposition(false)
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
