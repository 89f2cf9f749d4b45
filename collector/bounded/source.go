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

// ErrHeld is the error of a call that has not returned in time. It is also the error
// of a call that is not made because an earlier call with the same key has not
// returned.
var ErrHeld = errors.New("the call does not return")

// ErrFull is the error of a call that is not made because too many other calls of its
// source do not return.
var ErrFull = errors.New("too many calls of this sort do not return")

// keepLate is how long the result of a call that returned too late is kept for the
// next call with the same key.
const keepLate = time.Minute

// logEvery is the shortest time between two log lines of a source.
const logEvery = time.Minute

// Source makes calls of one sort. Calls of one source that do not return do not delay
// those of other sources.
type Source struct {
	name  string
	log   *slog.Logger
	late  func(key string)
	slots chan struct{} // holds an element for each call that runs

	mu      sync.Mutex
	calls   map[string]*call // by key: calls that run, and late results that nobody has taken
	done    int              // calls in the map that have returned
	overdue int              // calls in the map that run although their callers have given up
	count   Count
	logged  time.Time // the last log line
}

// call is a call that runs or has returned.
type call struct {
	began   time.Time
	overdue bool      // the caller has given up
	done    bool      // the call has returned
	at      time.Time // when it returned
	value   any
	err     error
	ended   chan struct{} // closed once the call has returned
}

// Do calls f and returns its result if f returns within wait. Of the calls with one
// key, only one runs at a time. If f does not return in time, Do returns an error
// that wraps ErrHeld; the result of f is then kept for a minute for the next Do with
// the same key, and a value that nobody takes is closed if it is an io.Closer. If f
// cannot be called because too many others run, the error wraps ErrFull.
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

// answer wraps a value so that its type is known even if the value is nil.
type answer[T any] struct{ value T }

func (a answer[T]) close() {
	if c, ok := any(a.value).(io.Closer); ok {
		c.Close()
	}
}

// do is Do without type parameters.
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

// start registers a call and takes a slot for it. It first waits for earlier calls
// with the same key whose callers still wait. If an earlier call with the key has
// returned too late for its own caller, start returns that call as answer instead.
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

// unlocked waits for a receive from it, and reports whether that came before timeout.
// The caller holds mu, which is released during the wait.
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

// slot takes a slot, and reports whether it got one before timeout. It does not wait
// if every slot is taken by a call whose caller has given up. The caller holds mu,
// which is released during the wait.
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

// run makes a call and records its result.
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

// survive calls f, and returns an error if f panics.
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

// held returns the error for a call that does not return, and logs it at most once a
// minute. The caller holds mu.
func (s *Source) held(key string, c *call) error {
	if now := time.Now(); c.overdue && now.Sub(s.logged) >= logEvery {
		s.logged = now
		s.log.Warn("a call does not return: its value is absent until it does", "source", s.name, "key", key,
			"for", now.Sub(c.began).Round(time.Millisecond), "held", s.overdue, "most", cap(s.slots))
	}
	return fmt.Errorf("%s %s: %w", s.name, key, ErrHeld)
}

// dropLate drops late results that nobody has taken within keepLate. The caller holds
// mu.
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
