package audit

import (
	"net"
	"time"
)

// Refused requests of one asker and kind are written one by one up to maxSingle in a
// window; the rest of the window is one line. Beyond maxKinds at once, all others share one
// line.
const (
	window    = 10 * time.Second
	maxSingle = 10
	maxKinds  = 1000
)

// kind is what refused requests have in common that are summed.
type kind struct{ who, method, what, action, resource, rule string }

// sum is the refused requests of a kind in a window.
type sum struct {
	start  time.Time
	single int
	record *Record // of those that are summed, nil if there are none
}

// sums bounds how many lines refused requests make.
type sums struct {
	kinds map[kind]*sum
}

// others is the kind of requests for which there is no room.
var others = kind{what: "requests of further askers and kinds"}

// take reports whether a refused request is part of a sum, and not to be written itself.
func (s *sums) take(r *Record) bool {
	if s.kinds == nil {
		s.kinds = map[kind]*sum{}
	}
	k := kind{r.Who, r.Method, cut(r.What), r.Action, cut(r.Resource), cut(r.Rule)}
	if r.Who == "" {
		k.method = r.From // of one who proved nothing only the address is known
		if host, _, err := net.SplitHostPort(r.From); err == nil {
			k.method = host // each connection has another port
		}
	}
	c := s.kinds[k]
	if c == nil && len(s.kinds) >= maxKinds {
		if c = s.kinds[others]; c == nil {
			c = &sum{start: r.Time, single: maxSingle}
			s.kinds[others] = c
		}
		r = &Record{Time: r.Time, What: others.what, Decision: Refused}
	}
	if c == nil {
		c = &sum{start: r.Time}
		s.kinds[k] = c
	}
	if c.single < maxSingle {
		c.single++
		return false
	}
	if c.record == nil {
		first := *r
		c.record = &first
	}
	at := r.Time
	c.record.Count++
	c.record.Until = &at
	return true
}

// over returns the sums whose window is over, and begins new windows; all if all is true.
func (s *sums) over(now time.Time, all bool) (list []*Record) {
	for k, c := range s.kinds {
		if !all && now.Sub(c.start) < window {
			continue
		}
		if c.record != nil {
			list = append(list, c.record)
		}
		delete(s.kinds, k)
	}
	return list
}
