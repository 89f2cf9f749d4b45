package rules

// bucket admits entries at a rate: each takes a token, and tokens come with time.
type bucket struct {
	tokens  float64
	at      int64  // time of the newest entry, microseconds since 1970
	dropped uint64 // entries since Drops was last called
}

// clockStep is how far back the time of entries goes before it counts as a clock that was
// set, in microseconds.
const clockStep = 10_000_000

// admit takes a token for an entry written at a time, and reports whether there was one.
func (b *bucket) admit(r *rateRule, at int64) bool {
	switch since := at - b.at; {
	case b.at == 0:
		b.tokens, b.at = float64(r.Burst), at
	case since > 0:
		b.tokens, b.at = min(float64(r.Burst), b.tokens+float64(since)*r.PerSecond/1e6), at
	case since < -clockStep:
		b.at = at
	}
	if b.tokens < 1 {
		b.dropped++
		return false
	}
	b.tokens--
	return true
}
