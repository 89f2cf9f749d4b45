package users

import (
	"sync"
	"time"
)

// Attempts that fail make the next ones wait: after some in a row for 1 s, then twice as long
// each time. An account waits for 30 s at most, so that nobody can lock out its owner, an
// address for 5 minutes. An address has more attempts: it may be that of a proxy.
const (
	accountTries   = 5
	addressTries   = 50
	maxAccountWait = 30 * time.Second
	maxAddressWait = 5 * time.Minute
	forgetAfter    = 15 * time.Minute // failures that are so old do not count
	maxTracked     = 10_000           // accounts, and addresses
)

// Throttle slows attempts to guess passwords. It is safe for concurrent use. The zero
// value is ready for use.
type Throttle struct {
	mu                  sync.Mutex
	accounts, addresses map[string]*failures
	now                 func() time.Time // nil is time.Now
}

type failures struct {
	count int
	last  time.Time
	until time.Time
}

// Wait returns how long an attempt has to wait, 0 if it may be made now. An attempt that is
// made counts as failed until Succeeded is called, so that attempts at the same time count.
func (t *Throttle) Wait(account, address string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.time()
	a, b := track(&t.accounts, account, now), track(&t.addresses, address, now)
	if wait := max(a.until.Sub(now), b.until.Sub(now)); wait > 0 {
		return wait
	}
	a.fail(now, accountTries, maxAccountWait)
	b.fail(now, addressTries, maxAddressWait)
	return 0
}

// Succeeded forgets the failures of an account. Those of the address stay: whoever has one
// account must not guess others' passwords from there.
func (t *Throttle) Succeeded(account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.accounts, account)
	if f := t.addresses[address]; f != nil && f.count <= addressTries {
		f.count-- // the attempt that succeeded
	}
}

func (t *Throttle) time() time.Time {
	if t.now != nil {
		return t.now()
	}
	return time.Now()
}

func (f *failures) fail(now time.Time, free int, most time.Duration) {
	f.count++
	f.last = now
	if over := f.count - free; over >= 0 {
		f.until = now.Add(min(time.Second<<min(over, 20), most))
	}
}

// track returns the failures of a key. If there are too many keys it drops those that are
// old, else the oldest.
func track(m *map[string]*failures, key string, now time.Time) *failures {
	if *m == nil {
		*m = map[string]*failures{}
	}
	if f := (*m)[key]; f != nil {
		if now.Sub(f.last) > forgetAfter {
			*f = failures{}
		}
		return f
	}
	if len(*m) >= maxTracked {
		var oldest string
		var at time.Time
		for k, f := range *m {
			if now.Sub(f.last) > forgetAfter {
				delete(*m, k)
			} else if oldest == "" || f.last.Before(at) {
				oldest, at = k, f.last
			}
		}
		if len(*m) >= maxTracked {
			delete(*m, oldest)
		}
	}
	f := new(failures)
	(*m)[key] = f
	return f
}
