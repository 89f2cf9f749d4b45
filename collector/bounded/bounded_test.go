package bounded

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const short = 20 * time.Millisecond

// logged is the text of a log, which a test may read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) lines(with string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

func newTest(most int, late func(string)) (*Set, *Source, *logged) {
	l := &logged{}
	s := NewSet(slog.New(slog.NewTextHandler(l, nil)))
	return s, s.Source("test", most, late), l
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

func TestAnswer(t *testing.T) {
	set, s, _ := newTest(1, nil)
	for i := range 100 { // more calls than there are slots
		if got, err := Do(s, "k", time.Second, func() (int, error) { return i, nil }); got != i || err != nil {
			t.Fatalf("%d, %v: want %d", got, err, i)
		}
	}
	broken := errors.New("broken")
	if _, err := Do(s, "k", time.Second, func() (int, error) { return 0, broken }); err != broken {
		t.Errorf("%v, want %v", err, broken)
	}
	if c := set.Counts(nil)[0]; c != (Count{Source: "test"}) || len(s.calls) != 0 {
		t.Errorf("%+v, %d calls left", c, len(s.calls))
	}
}

// The caller of a call that does not return waits for it only once. The result is
// returned by the next call with the same key after the first call has returned.
func TestHeldAndLate(t *testing.T) {
	came := make(chan string, 1)
	set, s, l := newTest(2, func(key string) { came <- key })
	release := make(chan struct{})
	calls := 0
	ask := func() (string, error) {
		return Do(s, "k", short, func() (string, error) { calls++; <-release; return "late", nil })
	}
	if _, err := ask(); !errors.Is(err, ErrHeld) {
		t.Fatalf("%v, want ErrHeld", err)
	}
	began := time.Now()
	for range 100 {
		if _, err := ask(); !errors.Is(err, ErrHeld) {
			t.Fatalf("%v, want ErrHeld", err)
		}
	}
	if took := time.Since(began); took > 5*short {
		t.Errorf("100 calls that were not made took %v", took)
	}
	if c := set.Counts(nil)[0]; c.Held != 1 || c.TimedOut != 1 || c.Refused != 0 {
		t.Errorf("%+v", c)
	}
	if n := l.lines("key=k"); n != 1 {
		t.Errorf("%d lines are logged, want 1", n)
	}
	close(release)
	if key := <-came; key != "k" {
		t.Errorf("%q came late", key)
	}
	if got, err := ask(); got != "late" || err != nil || calls != 1 {
		t.Errorf("%q, %v after %d calls: want the late answer of the only one", got, err, calls)
	}
	if got, err := ask(); got != "late" || err != nil || calls != 2 {
		t.Errorf("%q, %v after %d calls: want a new one", got, err, calls)
	}
	if c := set.Counts(nil)[0]; c.Held != 0 || len(s.calls) != 0 {
		t.Errorf("%+v, %d calls left", c, len(s.calls))
	}
}

// However many calls do not return, no more calls than the bound run. Further calls get
// an error at once.
func TestBound(t *testing.T) {
	set, s, l := newTest(3, nil)
	release := make(chan struct{})
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			Do(s, fmt.Sprint(i), short, func() (int, error) { <-release; return 0, nil })
		})
	}
	wg.Wait()
	eventually(t, "no more than 3 goroutines wait", func() bool { return runtime.NumGoroutine()-before <= 3 })
	began := time.Now()
	for i := range 1000 {
		if _, err := Do(s, fmt.Sprint("later", i), time.Hour,
			func() (int, error) { return 0, nil }); !errors.Is(err, ErrFull) {
			t.Fatalf("%v, want ErrFull", err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("1000 refusals took %v", took)
	}
	if c := set.Counts(nil)[0]; c.Held != 3 || c.TimedOut != 3 || c.Refused != 1197 {
		t.Errorf("%+v", c)
	}
	if n := l.lines("does not return"); n != 1 {
		t.Errorf("%d lines are logged, want 1", n)
	}
	close(release)
	eventually(t, "all returned", func() bool { return set.Counts(nil)[0].Held == 0 })
	if _, err := Do(s, "after", time.Second, func() (int, error) { return 0, nil }); err != nil {
		t.Errorf("after all returned: %v", err)
	}
}

// If there are more calls than slots, and the calls return, all of them are made in
// turn.
func TestTurns(t *testing.T) {
	_, s, _ := newTest(2, nil)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, err := Do(s, fmt.Sprint(i), 10*time.Second,
				func() (int, error) { time.Sleep(time.Millisecond); return 0, nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Calls with the same key run one after another, and each caller gets its own result.
func TestSameKey(t *testing.T) {
	_, s, _ := newTest(8, nil)
	var running atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			got, err := Do(s, "k", 10*time.Second, func() (int, error) {
				if running.Add(1) > 1 {
					t.Error("two calls of one key run at once")
				}
				time.Sleep(time.Millisecond)
				running.Add(-1)
				return i, nil
			})
			if got != i || err != nil {
				t.Errorf("%d, %v: want %d", got, err, i)
			}
		})
	}
	wg.Wait()
}

type closer struct{ closed chan struct{} }

func (c *closer) Close() error { close(c.closed); return nil }

// The value of a call that returns too late is closed if nobody takes it.
func TestLateIsClosed(t *testing.T) {
	_, s, _ := newTest(1, nil)
	c, release := &closer{make(chan struct{})}, make(chan struct{})
	Do(s, "k", short, func() (*closer, error) { <-release; return c, nil })
	close(release)
	eventually(t, "returned", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.done == 1 })
	s.mu.Lock()
	s.dropLate(time.Now())
	s.mu.Unlock()
	select {
	case <-c.closed:
		t.Error("closed while somebody may still ask for it")
	default:
	}
	s.mu.Lock()
	s.dropLate(time.Now().Add(2 * keepLate))
	s.mu.Unlock()
	select {
	case <-c.closed:
	default:
		t.Error("not closed")
	}
	if s.done != 0 || len(s.calls) != 0 {
		t.Errorf("%d done, %d kept", s.done, len(s.calls))
	}
}

func TestPanic(t *testing.T) {
	set, s, l := newTest(1, nil)
	for range 2 {
		if _, err := Do(s, "k", time.Second, func() (int, error) { panic("broken") }); err == nil ||
			!strings.Contains(err.Error(), "broken") {
			t.Errorf("%v", err)
		}
	}
	if c := set.Counts(nil)[0]; c.Panics != 2 || l.lines("TestPanic") == 0 {
		t.Errorf("%+v, want two panics, and a stack in the log", c)
	}
}

func TestSetIsBounded(t *testing.T) {
	set, _, _ := newTest(Most, nil)
	defer func() {
		if recover() == nil {
			t.Error("a set takes more sources than its bound allows")
		}
	}()
	set.Source("more", 1, nil)
}
