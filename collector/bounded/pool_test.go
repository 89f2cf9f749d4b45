package bounded

import (
	"runtime"
	"testing"
	"time"
)

var limits = Limits{Calls: 16, Scarce: 8, PerGroup: 2}

// hung returns a call that does not return until the test ends.
func hung(t *testing.T) *Call {
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	return &Call{Run: func() { <-end }, Await: true}
}

func open(t *testing.T) *Pool {
	p := NewPool(limits)
	t.Cleanup(p.Close)
	return p
}

func TestPoolCall(t *testing.T) {
	p := open(t)
	n := 0
	c := &Call{Run: func() { n++; time.Sleep(time.Millisecond) }, Await: true}
	for i := 1; i <= 100; i++ {
		if !p.Start(c, 0) {
			t.Fatalf("call %d was not started", i)
		}
		p.Wait(10 * time.Second)
		if !c.Take() || c.Take() || c.UnderWay() {
			t.Fatalf("call %d: not taken once", i)
		}
		if n != i {
			t.Fatalf("run %d times, want %d", n, i)
		}
		if c.Took() < time.Millisecond {
			t.Fatalf("took %v", c.Took())
		}
	}
}

// A call that hangs does not delay other calls, and is not started again. Once it
// returns, its result can be taken.
func TestPoolHungCall(t *testing.T) {
	p := open(t)
	end := make(chan struct{})
	late := &Call{Run: func() { <-end }, Await: true}
	prompt := &Call{Run: func() {}, Await: true}
	for i := range 20 {
		if p.Start(late, 0) != (i == 0) {
			t.Fatalf("round %d: the hung call was started again", i)
		}
		p.Start(prompt, 0)
		if i == 0 {
			p.Wait(10 * time.Millisecond)
		} else {
			p.Wait(10 * time.Second)
		}
		if i > 0 && !prompt.Take() || late.Take() || !late.UnderWay() {
			t.Fatalf("round %d: prompt %v, late %v", i, prompt.UnderWay(), late.UnderWay())
		}
	}
	close(end)
	eventually(t, "the late call returns", func() bool { return late.Take() })
	if !p.Start(late, 0) {
		t.Error("a call that returned cannot be started again")
	}
}

// Wait does not wait for calls that were started before the previous Wait, nor for calls
// without Await.
func TestPoolWaitIsForNewCalls(t *testing.T) {
	p := open(t)
	p.Start(hung(t), 0)
	p.Wait(time.Millisecond)
	c := hung(t)
	c.Await = false
	p.Start(c, 0)
	began := time.Now()
	p.Wait(time.Minute)
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("waited %v", d)
	}
}

// The end of calls for which no Wait has waited does not end a later Wait too early.
func TestPoolWaitIsNotEndedEarly(t *testing.T) {
	p := open(t)
	c := &Call{Run: func() {}, Await: true}
	for range 3 {
		p.Start(c, 0)
		eventually(t, "the call returns", c.Take)
	}
	end := make(chan struct{})
	last := &Call{Run: func() { <-end }, Await: true}
	p.Start(last, 0)
	time.AfterFunc(20*time.Millisecond, func() { close(end) })
	p.Wait(10 * time.Second)
	if !last.Take() {
		t.Error("Wait returned before the call did")
	}
}

func TestPoolLimits(t *testing.T) {
	p := open(t)
	before := runtime.NumGoroutine()
	var server Group
	start := func(g *Group, reserve int) bool {
		c := hung(t)
		c.Group = g
		return p.Start(c, reserve)
	}
	count := func(g func() *Group, reserve int) (n int) {
		for range 1000 {
			if start(g(), reserve) {
				n++
			}
		}
		return n
	}
	same, other := func() *Group { return &server }, func() *Group { return &Group{} }
	for _, c := range []struct {
		name    string
		group   func() *Group
		reserve int
		want    int
	}{
		{"of one group, until calls are scarce", same, 4, 8},
		{"of other groups, one each", other, 4, 4},
		{"of one group again", same, 0, 0},
		{"with nothing held in reserve", other, 0, 4},
		{"beyond the limit", other, 0, 0},
	} {
		if n := count(c.group, c.reserve); n != c.want {
			t.Errorf("%s: %d calls were started, want %d", c.name, n, c.want)
		}
	}
	if n := p.UnderWay(); n != limits.Calls {
		t.Errorf("%d calls are under way, want %d", n, limits.Calls)
	}
	if n := runtime.NumGoroutine() - before; n > limits.Calls+1 {
		t.Errorf("%d goroutines for %d calls", n, limits.Calls)
	}
}

func TestPoolCloseEndsGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	p := NewPool(limits)
	end := make(chan struct{})
	late := &Call{Run: func() { <-end }}
	p.Start(late, 0)
	p.Start(&Call{Run: func() {}}, 0)
	p.Close()
	if p.Start(&Call{Run: func() {}}, 0) {
		t.Error("started a call after Close")
	}
	close(end)
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
