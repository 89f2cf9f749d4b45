package series

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// The index contains the same as a map, whatever is added and removed.
func TestShardAgainstMap(t *testing.T) {
	var sh shard
	want := map[uint64]float64{}
	var keys []uint64
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		switch {
		case len(keys) == 0 || rng.IntN(100) < 52:
			key := rng.Uint64() & 0xfffffffc000fffff // few homes, so long probes
			if sh.find(key) == nil {
				v := rng.Float64()
				sh.add(key).value = v
				want[key] = v
				keys = append(keys, key)
			}
		default:
			i := rng.IntN(len(keys))
			key := keys[i]
			keys[i] = keys[len(keys)-1]
			keys = keys[:len(keys)-1]
			delete(want, key)
			for k := range sh.n {
				if sh.state(k).key == key {
					sh.remove(k)
					break
				}
			}
			if sh.find(key) != nil {
				t.Fatal("found after it was removed")
			}
		}
		if len(keys) > 400 {
			for len(keys) > 10 {
				sh.remove(0)
				delete(want, func() uint64 {
					for i, k := range keys {
						if sh.find(k) == nil {
							keys[i] = keys[len(keys)-1]
							keys = keys[:len(keys)-1]
							return k
						}
					}
					t.Fatal("nothing was removed")
					return 0
				}())
			}
			for k, v := range want {
				if st := sh.find(k); st == nil || st.value != v {
					t.Fatalf("%x: %v, want %v", k, st, v)
				}
			}
		}
	}
	if sh.n != len(want) {
		t.Fatalf("%d states, want %d", sh.n, len(want))
	}
}

// With several workers and a flusher at once, nothing is lost, and every ledger that a
// flush returns balances.
func TestConcurrently(t *testing.T) {
	const workers, rounds = 4, 300
	s := New(Options{Workers: workers, Budget: 40, Log: slog.New(slog.DiscardHandler), Expiry: Expiry{Counter: time.Hour}})
	r := &rig{t: t, s: s, now: start, parent: map[uint32]uint64{1: 5, 2: 6, 3: 7}}
	p := line.New(line.Options{})
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			w := s.Worker(i)
			rng := rand.New(rand.NewPCG(uint64(i), 9))
			for n := range rounds {
				w.Begin()
				for range 10 {
					receive(w, p, uint32(1+rng.IntN(3)), fmt.Appendf(nil, "all:1|c\nc%d:1|c|#x\nh:3|ms|@0.5\nbad\ns:%d|s\nn%d:1|c",
						rng.IntN(30), n, n), start.UnixNano())
				}
				w.End()
			}
		})
	}
	done := make(chan bool)
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		r.flush()
		r.balance()
	}
	r.flush()
	const packets = workers * rounds * 10
	r.counted("", metric.StatsdPackets, packets)
	r.counted("", metric.StatsdReceived, 6*packets)
	r.counted("", metric.StatsdAccepted, 5*packets)
	r.counted("", metric.StatsdRejectedSyntax, packets)
	sum := func(key string, column int) (n float64) {
		for i, row := range r.app.Rows {
			if row.Key == key {
				n += metric.Columns(metric.App)[column].Value(r.app.Row(i)[column])
			}
		}
		return n
	}
	if n := sum("all", metric.AppValue); n != packets {
		t.Errorf("the counter says %v of %v", n, packets)
	}
	if n := sum("h", metric.AppCount); n != 2*packets {
		t.Errorf("the histogram says %v of %v", n, 2*packets)
	}
	samples := 0.0
	for i := range r.app.Rows {
		samples += float64(r.app.Row(i)[metric.AppSamples])
	}
	if samples != 5*packets {
		t.Errorf("%v samples of %v", samples, 5*packets)
	}
}
