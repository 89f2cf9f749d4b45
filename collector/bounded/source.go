package bounded

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// ErrHeld is the error of a call that has not returned in time, and of one that is
// not made because an earlier one of its key has not.
var ErrHeld = errors.New("the call does not return")

// ErrFull is the error of a call that is not made because too many others of its
// source do not return.
var ErrFull = errors.New("too many calls of this sort do not return")

// keepLate is how long the answer of a call that came too late is kept for
// whoever asks again.
const keepLate = time.Minute

// logEvery is the least time between two log lines of a source.
const logEvery = time.Minute

// Source is one sort of call. What is held in one source costs others nothing.
type Source struct {
	name  string
	log   *slog.Logger
	late  func(key string)
	slots chan struct{} // one is taken by each call that runs

	mu      sync.Mutex
	calls   map[string]*call // that run, or returned too late and were not asked for again
	done    int              // of those, that returned
	overdue int              // of those, that run and whose caller has given up
	count   Count
	logged  time.Time
}

// call is one that runs, or has returned.
type call struct {
	began   time.Time
	overdue bool // its caller has given up
	done    bool
	at      time.Time // it was done
	value   any
	err     error
	ended   chan struct{} // closed when it is done
}

// Do calls f, one call of a key at a time, and returns what f returns if that is
// within wait. Else it returns an error that is ErrHeld or ErrFull; when f returns
// later, what it returns is kept for a minute, for the next Do of that key. A value
// that nobody takes is closed if it is an io.Closer.
func Do[T any](s *Source, key string, wait time.Duration, f func() (T, error)) (T, error) {
	value, err := s.do(key, wait, func() (any, error) {
		v, err := f()
		return answer[T]{v}, err
	})
	got, ok := value.(answer[T])
	if !ok && err == nil {
		panic("bounded: " + s.name + " " + key + ": one key for calls of two types")
	}
	return got.value, err
}

// answer is a value that remembers its type, even if it is nil.
type answer[T any] struct{ value T }

func (a answer[T]) close() {
	if c, ok := any(a.value).(io.Closer); ok {
		c.Close()
	}
}

func (s *Source) do(key string, wait time.Duration, f func() (any, error)) (any, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	c, answer, err := s.start(key, timer.C)
	switch {
	case answer != nil:
		return answer.value, answer.err
	case err != nil:
		return nil, err
	}
	go s.run(key, c, f)
	select {
	case <-c.ended:
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.done {
		return c.value, c.err
	}
	c.overdue = true
	s.overdue++
	s.count.TimedOut++
	return nil, s.held(key, c)
}

// start registers a call and takes a slot for it, after those of the same key whose
// callers still wait. It returns the answer of an earlier call of the key instead
// if that came too late for whoever asked.
func (s *Source) start(key string, timeout <-chan time.Time) (c, answer *call, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLate(time.Now())
	for c := s.calls[key]; c != nil; c = s.calls[key] {
		if c.done {
			delete(s.calls, key)
			s.done--
			return nil, c, nil
		}
		if c.overdue || !s.unlocked(c.ended, timeout) {
			return nil, nil, s.held(key, c)
		}
	}
	c = &call{began: time.Now(), ended: make(chan struct{})}
	s.calls[key] = c
	if !s.slot(timeout) {
		delete(s.calls, key)
		close(c.ended)
		s.count.Refused++
		return nil, nil, fmt.Errorf("%s %s: %w", s.name, key, ErrFull)
	}
	return c, nil, nil
}

// unlocked waits without mu, which the caller holds, and reports whether it came
// before the time was over.
func (s *Source) unlocked(it <-chan struct{}, timeout <-chan time.Time) bool {
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-it:
		return true
	case <-timeout:
		return false
	}
}

// slot waits for one, unless none will come free. The caller holds mu.
func (s *Source) slot(timeout <-chan time.Time) bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
	}
	if s.overdue == cap(s.slots) {
		return false
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-timeout:
		return false
	}
}

func (s *Source) run(key string, c *call, f func() (any, error)) {
	value, err := s.survive(key, f)
	s.mu.Lock()
	c.value, c.err, c.done, c.at = value, err, true, time.Now()
	overdue := c.overdue
	if overdue {
		s.overdue--
		s.done++
	} else {
		delete(s.calls, key)
	}
	s.mu.Unlock()
	<-s.slots
	close(c.ended)
	if overdue && s.late != nil {
		s.late(key)
	}
}

// survive calls f; a panic is an error.
func (s *Source) survive(key string, f func() (any, error)) (value any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a call panicked", "source", s.name, "key", key, "panic", p, "stack", string(debug.Stack()))
			s.mu.Lock()
			s.count.Panics++
			s.mu.Unlock()
			value, err = nil, fmt.Errorf("%s %s: panic: %v", s.name, key, p)
		}
	}()
	return f()
}

// held is the error of a call that does not return. It logs it, once a minute. The
// caller holds mu.
func (s *Source) held(key string, c *call) error {
	if now := time.Now(); c.overdue && now.Sub(s.logged) >= logEvery {
		s.logged = now
		s.log.Warn("a call does not return: what it would tell is absent", "source", s.name, "key", key,
			"for", now.Sub(c.began).Round(time.Millisecond), "held", s.overdue, "most", cap(s.slots))
	}
	return fmt.Errorf("%s %s: %w", s.name, key, ErrHeld)
}

// dropLate forgets answers that nobody has asked for. The caller holds mu.
func (s *Source) dropLate(now time.Time) {
	if s.done == 0 {
		return
	}
	for key, c := range s.calls {
		if c.done && now.Sub(c.at) > keepLate {
			delete(s.calls, key)
			s.done--
			if v, ok := c.value.(interface{ close() }); ok && c.err == nil {
				v.close()
			}
		}
	}
}
