package sinks

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// counts are a sink's counters since the start of the relay.
type counts struct {
	received, filtered, delivered, bytes, retries, known, duplicates, cut, malformed atomic.Uint64

	mu      sync.Mutex
	refused map[string]uint64 // by reason
}

// maxReasons bounds the reasons that are told apart.
const maxReasons = 64

func (c *counts) refuse(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = make(map[string]uint64)
	}
	if _, known := c.refused[reason]; !known && len(c.refused) >= maxReasons {
		reason = "other"
	}
	c.refused[reason]++
}

func (c *counts) reasons() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refused)
}

// status is what is known of a sink's receiver and its position.
type status struct {
	mu       sync.Mutex
	err      string    // of the last delivery, "" if it succeeded
	since    time.Time // of the first failure after a success; zero if it succeeded
	last     time.Time // of the last success
	position time.Time // when the stream received the last message whose records are settled
	pending  uint64    // messages of the stream that are not settled, when it was last asked
}

func (s *status) delivered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.since, s.last = "", time.Time{}, time.Now()
}

func (s *status) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err.Error()
	if s.since.IsZero() {
		s.since = time.Now()
	}
}

func (s *status) settled(position time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if position.After(s.position) {
		s.position = position
	}
}

// behind returns how much older than now the oldest message is that is not settled, as far
// as that is known; 0 if there is none.
func (s *status) behind(now time.Time) time.Duration {
	if s.pending == 0 || s.position.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.position))
}

// at returns the position.
func (s *status) at() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

// asked sets what the server answered: the messages that are pending, and when it received
// the oldest of them, if that is known.
func (s *status) asked(pending uint64, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = pending
	if !oldest.IsZero() {
		s.position = oldest
	}
}

// forget forgets the position.
func (s *status) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position, s.pending = time.Time{}, 0
}
