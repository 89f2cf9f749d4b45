package rules

import (
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// Verdict is what becomes of an entry.
type Verdict uint8

// Verdicts.
const (
	Ship        Verdict = iota
	Filtered            // by a rule of filter
	SampledOut          // by a rule of sample
	RateLimited         // by a rule of rate
)

// Filter applies rules to the entries of a node, one after another. It is not safe for
// concurrent use.
type Filter struct {
	r      *Rules
	facts  Facts
	sample []sources[int]
	rate   []sources[bucket]
	edit   editor
}

// NewFilter returns a filter that has seen no entry yet.
func NewFilter(r *Rules) *Filter {
	return &Filter{r: r, sample: make([]sources[int], len(r.Sample)), rate: make([]sources[bucket], len(r.Rate)),
		edit: editor{r: r}}
}

// Admit applies the rules of filter to an entry. The facts are valid until the next call
// of Admit or Finish.
func (f *Filter) Admit(e *entry.Entry) (*Facts, Verdict) {
	f.facts.find(e)
	for i := range f.r.Filter {
		rule := &f.r.Filter[i]
		if rule.Keep != nil {
			if rule.Keep.selects(&f.facts) {
				break
			}
		} else if rule.Drop.selects(&f.facts) {
			return &f.facts, Filtered
		}
	}
	return &f.facts, Ship
}

// Joining says how the lines of one writer are joined.
type Joining struct {
	MaxLines, MaxBytes int
	Idle               time.Duration
	starts, continues  expression
}

// Joining returns how an entry's line is joined with others, and whether it is at all.
func (f *Filter) Joining(facts *Facts) (j Joining, ok bool) {
	if facts.message < 0 {
		return j, false
	}
	for i := range f.r.Join {
		if r := &f.r.Join[i]; r.Select.selects(facts) {
			return Joining{r.MaxLines, int(r.MaxBytes), time.Duration(r.Idle), r.Start, r.Continue}, true
		}
	}
	return j, false
}

// Begins reports whether a line begins an entry of its own.
func (j *Joining) Begins(line []byte) bool {
	if j.starts.Regexp != nil {
		return j.starts.Match(line)
	}
	return !j.continues.Match(line)
}

// Finish applies the other rules. It returns the entry as it is shipped, which shares
// memory with e and is valid until the next call, or nil and why it is not shipped; and
// the number of texts that were redacted.
func (f *Filter) Finish(e *entry.Entry) (out *entry.Entry, v Verdict, redacted int) {
	if len(f.r.Sample)+len(f.r.Rate) > 0 {
		f.facts.find(e)
		if v := f.limit(e.Realtime); v != Ship {
			return nil, v, 0
		}
	}
	out, redacted = f.edit.apply(e)
	return out, Ship, redacted
}

func (f *Filter) limit(at int64) Verdict {
	for i := range f.r.Sample {
		if rule := &f.r.Sample[i]; rule.Select.selects(&f.facts) {
			s := f.sample[i].get(&f.facts)
			n := s.s
			if s.s++; s.s == rule.OneIn {
				s.s = 0
			}
			if n > 0 {
				return SampledOut
			}
			break
		}
	}
	for i := range f.r.Rate {
		if rule := &f.r.Rate[i]; rule.Select.selects(&f.facts) {
			if !f.rate[i].get(&f.facts).s.admit(rule, at) {
				return RateLimited
			}
			break
		}
	}
	return Ship
}

// Drops calls tell for each source of which rate limits dropped entries since the last
// call, and forgets sources that had no entry since then.
func (f *Filter) Drops(tell func(source string, entries uint64)) {
	for i := range f.rate {
		for _, s := range f.rate[i].of {
			if s.s.dropped > 0 {
				tell(s.source, s.s.dropped)
				s.s.dropped = 0
			}
		}
		f.rate[i].expire()
	}
	for i := range f.sample {
		f.sample[i].expire()
	}
}
