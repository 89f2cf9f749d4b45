package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	own "github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

const (
	appTicks    = 120
	appInterval = 10 * time.Second
)

// benchStatsdFrames compares the bytes that go to NATS with the lines that they
// sum up.
func benchStatsdFrames(r *report) error {
	r.printf("\nBytes on NATS against the lines they sum up: %d series with the typical line's tags, 13 counters of 20, "+
		"4 gauges, 3 timers; with sets one of the counters of 20 is one, of 20,000 users. %d ticks of %s; dictionary, "+
		"keyframes, histograms and the sets' members are included.\n\n", seriesCount, appTicks, appInterval)
	r.printf("| samples a series a tick | | lines | frames | times fewer |\n|---:|---|---:|---:|---:|\n")
	for _, samples := range []int{1, 10, 100} {
		for _, sets := range []bool{false, true} {
			lines, frames, err := appTraffic(samples, sets)
			if err != nil {
				return err
			}
			with := "without sets"
			if sets {
				with = "with sets"
			}
			r.printf("| %d | %s | %.1f MB | %.2f MB | %.0f |\n", samples, with, float64(lines)/1e6, float64(frames)/1e6,
				float64(lines)/float64(frames))
		}
	}
	return nil
}

// appTraffic is the bytes of all lines, and of the frames that they become.
func appTraffic(samples int, sets bool) (lines, frames int, err error) {
	p, l := own.New(own.Options{}), new(own.Line)
	s := series.New(series.Options{Log: slog.New(slog.DiscardHandler)})
	w := s.Worker(0)
	rnd := rand.New(rand.NewPCG(1, 2))
	enc := frame.NewEncoder(frame.EncoderOptions{})
	var b []byte
	at := time.Now().Truncate(appInterval)
	for tick := range appTicks {
		w.Begin()
		for i := range samples * seriesCount {
			b = appLine(b[:0], rnd, i%seriesCount, sets)
			lines += len(b) + 1
			if reason := p.Parse(b, l); reason != own.Accepted {
				return 0, 0, fmt.Errorf("%s: %s", b, reason)
			}
			w.Line(1, p, l, at.Add(time.Duration(rnd.Int64N(int64(appInterval)))).UnixNano())
		}
		w.End()
		at = at.Add(appInterval)
		app, ledger := s.Flush(at, func(uint32) uint64 { return 0 })
		batch := frame.Batch{Tables: []frame.Table{app, ledger}}
		batch.Header = frame.Header{Agent: "bench", Boot: 1, Seq: uint64(tick) + 1, Time: at.UnixNano(),
			Interval: int64(appInterval), Parts: 1}
		parts, err := enc.Encode(&batch)
		if err != nil {
			return 0, 0, err
		}
		for _, part := range parts {
			frames += len(part)
		}
	}
	return lines, frames, nil
}

// appLine is a sample of series i.
func appLine(b []byte, rnd *rand.Rand, i int, sets bool) []byte {
	const tags = "|#env:prod,service:web,region:us-east-1,version:1.2."
	switch k := i % 20; {
	case k == 0 && sets:
		b = fmt.Appendf(b, "users.seen:user-%d|s", rnd.IntN(20000))
	case k < 13:
		b = append(b, "page.views.total:1|c"...)
	case k < 17:
		b = fmt.Appendf(b, "queue.length:%d|g", rnd.IntN(5000))
	default:
		b = fmt.Appendf(b, "request.duration:%.1f|ms", 20*rnd.ExpFloat64())
	}
	return fmt.Appendf(b, "%s%d", tags, i)
}
