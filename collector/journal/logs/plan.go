package logs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
)

// plan is a query as it is carried out: what the index finds, and what has to be looked
// at in each entry.
type plan struct {
	match journal.Match // without suppressed, and everything that names select

	names        [numKinds]map[string]bool // by kind: what selectors match; nil without selectors
	matches      *matches
	asked        *matches // the same, also where the index has it all
	grep         *grep
	priority     *query.PriorityRange
	since, until int64
	boot         journal.ID // zero for all
	scope        scopeFilter
	scoped       bool
	follow       bool

	selects bool        // it has selectors
	waits   bool        // nothing that it selects has entries yet
	files   []*Identity // whose log files are read, too
	held    []string    // paths of log files that do not respond
	key     string
}

// scopeFilter reports whether the asker may see entries of an origin and labels.
type scopeFilter func(*entry.Origin, []frame.Label) bool

func (f scopeFilter) allows(i *Identity) bool { return f(&i.Origin, i.Labels) }

// plain reports whether the index alone says which entries match.
func (p *plan) plain() bool {
	return p.match.Everything() && p.grep == nil && p.priority == nil && p.since == 0 && !p.bounded() && !p.scoped &&
		!p.selects && p.matches == nil && len(p.files) == 0
}

// bounded reports whether there is an end.
func (p *plan) bounded() bool { return p.until != math.MaxInt64 }

// hasGlob reports whether a selector is a pattern.
func hasGlob(selectors []string) bool {
	return slices.ContainsFunc(selectors, func(s string) bool {
		p := glob.Compile(s)
		_, plain := p.Text()
		return !plain
	})
}

// newPlan plans a query. It returns query.ErrNoSuchSource if the selectors of one list
// match nothing.
func (o *opened) newPlan(q *query.LogQuery) (*plan, error) {
	p, err := o.planJournal(q)
	if err != nil {
		return nil, err
	}
	p.files, p.held = o.responding(o.filesOf(p))
	p.key = p.match.String()
	for _, i := range p.files {
		p.key += " " + i.LogPath
	}
	return p, nil
}

// planJournal is newPlan without the log files of containers.
func (o *opened) planJournal(q *query.LogQuery) (*plan, error) {
	p := &plan{since: q.Since, until: q.Until, scope: q.Scope.Filter(), scoped: q.Scope != nil, follow: q.Follow}
	if p.until == 0 {
		p.until = math.MaxInt64
	}
	if q.Tail && q.Reverse || q.Follow && q.Reverse || q.Limit < 0 {
		return nil, fmt.Errorf("%w: reading backwards excludes follow and tail, and a limit is 0 or more",
			query.ErrBadLogQuery)
	}
	var err error
	if q.Grep != "" {
		if p.grep, err = newGrep(q.Grep); err != nil {
			return nil, fmt.Errorf("%w: grep: %w", query.ErrBadLogQuery, err)
		}
	}
	if err := p.setPriority(q.Priority); err != nil {
		return nil, err
	}
	if len(q.Matches) > 0 {
		if p.matches, err = parseMatches(q.Matches); err != nil {
			return nil, err
		}
	}
	if q.Boot != "" {
		if p.boot, err = o.findBoot(q.Boot); err != nil {
			return nil, err
		}
	}
	v := o.view()
	defer o.catalog.mu.Unlock()
	all := []journal.Match{p.indexPriority()}
	if p.boot != (journal.ID{}) {
		all = append(all, journal.Equal("_BOOT_ID", p.boot.String()))
	}
	if p.matches != nil {
		p.asked = p.matches
		all = append(all, p.matches.index(v))
		if !p.matches.known {
			p.matches = nil // the index has it all
		}
	}
	visible := func(string) bool { return true }
	for k, selectors := range selectorsOf(q) {
		if len(selectors) == 0 {
			continue
		}
		p.selects = true
		if p.scoped {
			visible = func(name string) bool { return o.visible(v, kind(k), name, p.scope) } // it unlocks v meanwhile
		}
		if p.names[k], err = v.resolve(kind(k), selectors, visible); err != nil {
			return nil, err
		}
		if len(p.names[k]) == 0 {
			if !q.Follow || !mayCome(kind(k), selectors, p.names[k]) {
				return nil, fmt.Errorf("%s %s: %w", query.LogSourceKinds[k], strings.Join(selectors, ", "), query.ErrNoSuchSource)
			}
			p.waits = true
		}
		all = append(all, v.namesMatch(kind(k), p.names[k]))
	}
	p.match = journal.All(all...)
	return p, nil
}

// mayCome reports whether selectors that match nothing may do so later, and adds the units
// that they mean to names.
func mayCome(k kind, selectors []string, names map[string]bool) (may bool) {
	for _, s := range selectors {
		switch {
		case hasGlob([]string{s}):
			may = true
		case k == units:
			names[query.UnitName(s)], may = true, true
		}
	}
	return may
}

// namesMatch selects at least the entries of what has one of the names. Without names it
// selects nothing.
func (v *view) namesMatch(k kind, names map[string]bool) journal.Match {
	any := make([]journal.Match, 0, len(names))
	for name := range names {
		if k == units {
			any = append(any, unitMatch(name))
		} else {
			any = append(any, v.candidates(k, name))
		}
	}
	if len(any) == 0 {
		return nothing
	}
	return journal.Any(any...)
}

func (p *plan) setPriority(r *query.PriorityRange) error {
	if r == nil {
		return nil
	}
	if r.Min < 0 || r.Max > 7 || r.Min > r.Max {
		return fmt.Errorf("%w: priorities %d to %d: use 0 to 7", query.ErrBadLogQuery, r.Min, r.Max)
	}
	if r.Min > 0 || r.Max < 7 {
		p.priority = r
	}
	return nil
}

const defaultPriority = 6 // of an entry without one

// indexPriority selects what a range of priorities does, if the index can: it does not
// list entries that have none.
func (p *plan) indexPriority() journal.Match {
	r := p.priority
	if r == nil || r.Min <= defaultPriority && defaultPriority <= r.Max {
		return journal.Match{}
	}
	var any []journal.Match
	for n := r.Min; n <= r.Max; n++ {
		any = append(any, journal.Equal("PRIORITY", string(rune('0'+n))))
	}
	return journal.Any(any...)
}

// priorityOf returns the priority of an entry.
func priorityOf(fields []entry.Field) int {
	if v, ok := value(fields, "PRIORITY"); ok && len(v) == 1 && v[0] >= '0' && v[0] <= '7' {
		return int(v[0] - '0')
	}
	return defaultPriority
}

// accepts reports whether an entry that the index found matches, but for its message and
// its time.
func (p *plan) accepts(fields []entry.Field, i *Identity) bool {
	if r := p.priority; r != nil {
		if n := priorityOf(fields); n < r.Min || n > r.Max {
			return false
		}
	}
	for k := range units {
		if p.names[k] != nil && !i.has(k, p.names[k]) {
			return false
		}
	}
	return (p.matches == nil || p.matches.match(fields, &i.Origin)) && p.scope.allows(i)
}
