package sinks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig/testlog"
)

// The window agrees with a plain set, as far back as it reaches.
func TestWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var w window
		set, high := map[uint64]bool{}, uint64(0)
		boot := uint64(1)
		for range 20_000 {
			if r.IntN(5000) == 0 { // the collector restarts
				boot++
				clear(set)
				high = 0
			}
			seq := high + uint64(r.IntN(30))
			if r.IntN(200) == 0 {
				seq += uint64(r.IntN(3000)) // a gap
			}
			seq -= min(seq, uint64(r.IntN(windowSize-64)))
			if got := w.seen(boot, seq); got != set[seq] {
				t.Fatalf("seen(%d, %d) is %v; the highest is %d", boot, seq, got, high)
			}
			w.add(boot, seq)
			set[seq] = true
			high = max(high, seq)
		}
	}
}

// Whatever a message contains, it is accepted or dropped, and acknowledged at most once.
func FuzzIntake(f *testing.F) {
	var enc entry.Encoder
	for i := range 3 {
		if err := enc.Add(testlog.Entry(i, "text")); err != nil {
			f.Fatal(err)
		}
	}
	var parts [][]byte
	if err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 1, Seq: 1}, 200, func(m []byte) error {
		parts = append(parts, append([]byte(nil), m...))
		return nil
	}); err != nil {
		f.Fatal(err)
	}
	f.Add(parts[0], parts[len(parts)-1])
	f.Add([]byte(nil), parts[0])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		in := newIntake(new(Config), new(counts))
		acks := make([]int, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i, data := range [][]byte{first, second} {
			_ = in.handle(ctx, Message{Subject: bus.Logs("c", testlog.Agent, 1), Data: data, Seq: uint64(i + 1),
				Time: time.Unix(int64(i), 0), Done: func() { acks[i]++ }})
		}
		for len(in.queue) > 0 {
			d := <-in.queue
			if d.left != len(d.records) || d.left == 0 {
				t.Errorf("%d records, %d left", len(d.records), d.left)
			}
			in.settle(d)
		}
		if acks[0] > 1 || acks[1] > 1 {
			t.Errorf("acknowledged %v times", acks)
		}
	})
}

// A message that comes behind newer ones was given to another relay before: it is accepted,
// while one that was accepted is not a second time.
func TestMissedMessages(t *testing.T) {
	in := newIntake(new(Config), new(counts))
	var got []string
	acks := map[uint64]int{}
	var enc entry.Encoder
	for at, seq := range []uint64{5, 6, 9, 7, 6, 5, 8, 7, 2, 2, 10} {
		if err := enc.Add(testlog.Entry(int(seq), fmt.Sprint(seq))); err != nil {
			t.Fatal(err)
		}
		if err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 1, Seq: seq}, 0, func(m []byte) error {
			return in.handle(t.Context(), Message{Subject: bus.Logs("c", testlog.Agent, 1), Data: m, Seq: seq,
				Time: time.Unix(int64(seq), 0), Done: func() { acks[seq]++ }})
		}); err != nil {
			t.Fatal(at, err)
		}
		for len(in.queue) > 0 {
			d := <-in.queue
			got = append(got, string(d.records[0].Message()))
			in.settle(d)
		}
	}
	if s := strings.Join(got, " "); s != "5 6 9 7 8 2 10" {
		t.Errorf("%s", s)
	}
	if acks[7] != 2 || acks[9] != 1 {
		t.Errorf("acknowledged %v", acks)
	}
}

func TestMissedIsBounded(t *testing.T) {
	var m missed
	for i := uint64(1); i < 2000; i += 2 { // every other one
		m.add(i, i)
	}
	if len(m) > maxSpans || !m.has(1) || !m.has(1999) || m.has(2000) {
		t.Errorf("%d spans", len(m))
	}
	for i := uint64(1); i < 2000; i++ {
		m.remove(i)
	}
	if len(m) != 0 {
		t.Errorf("%v are left", m)
	}
	m.add(10, 20)
	m.remove(15)
	if !m.has(14) || m.has(15) || !m.has(16) || len(m) != 2 {
		t.Errorf("%v", m)
	}
}
