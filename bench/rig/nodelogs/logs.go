package nodelogs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// Logs holds the entries of one node. It is safe for concurrent use.
type Logs struct {
	agent   string
	mu      sync.Mutex
	entries []*entry.Entry
	changed chan struct{} // closed at the next change
	events  []*entry.Event
	readers int
}

var (
	_ query.Logs        = (*Logs)(nil)
	_ query.LogResolver = (*Logs)(nil)
)

// New returns the logs of an agent, without entries.
func New(agent string) *Logs { return &Logs{agent: agent, changed: make(chan struct{})} }

// Add appends an entry of a task with MESSAGE and more fields, as NAME=value.
func (l *Logs) Add(realtime int64, task, message string, fields ...string) {
	e := &entry.Entry{Realtime: realtime, Monotonic: realtime % 1e9, Boot: [16]byte{1, 2, 3}}
	if task != "" {
		e.Origin.SetTag("task_name", task)
		e.Origin.SetTag("container_id", task+"-on-"+l.agent)
	}
	e.Fields = []entry.Field{{Name: "MESSAGE", Value: []byte(message)}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		e.Fields = append(e.Fields, entry.Field{Name: name, Value: []byte(value)})
	}
	l.AddEntry(e)
}

// AddEntry appends an entry, which becomes the Logs'.
func (l *Logs) AddEntry(e *entry.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Cursor = fmt.Sprintf("s=%s;i=%x", l.agent, len(l.entries)+1)
	e.Origin.SetTag("agent_id", l.agent)
	l.entries = append(l.entries, e)
	l.wake()
}

// Event lets all readers that follow return an event.
func (l *Logs) Event(e entry.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, &e)
	l.wake()
}

func (l *Logs) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Readers returns the number of readers that are open.
func (l *Logs) Readers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.readers
}

func (l *Logs) all() []*entry.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries
}

// position returns how many entries come before what follows a cursor.
func (l *Logs) position(cursor string) (int, error) {
	rest, ok := strings.CutPrefix(cursor, "s="+l.agent+";i=")
	n, err := strconv.ParseUint(rest, 16, 32)
	if !ok || err != nil || n > uint64(len(l.all())) {
		return 0, fmt.Errorf("%q: %w", cursor, query.ErrBadCursor)
	}
	return int(n), nil
}

// names returns the ids and names of an entry that a selector of a kind is compared with.
func names(e *entry.Entry, kind string) []string {
	o := &e.Origin
	switch kind {
	case "container":
		return []string{o.Tag("container_id")}
	case "task":
		return []string{o.Tag("task_id"), o.Tag("task_name")}
	case "framework":
		return []string{o.Tag("framework_id"), o.Tag("framework_name")}
	case "executor":
		return []string{o.Tag("executor_id")}
	case "application":
		return []string{o.Tag("application_name")}
	}
	unit, _ := e.Get("_SYSTEMD_UNIT")
	return []string{string(unit)}
}

func selectors(q *query.LogQuery) [6][]string {
	return [6][]string{q.Containers, q.Tasks, q.Frameworks, q.Executors, q.Applications, q.Units}
}

// Sources implements query.LogResolver.
func (l *Logs) Sources(_ context.Context, q *query.LogQuery) ([]query.LogSource, error) {
	var out []query.LogSource
	for k, list := range selectors(q) {
		kind := query.LogSourceKinds[k]
		for _, selector := range list {
			out = append(out, l.sources(kind, selector)...)
		}
	}
	return out, nil
}

func (l *Logs) sources(kind, selector string) []query.LogSource {
	pattern := glob.Compile(selector)
	text, plain := pattern.Text()
	found := map[string]bool{} // and whether it is exact
	exact := false
	for _, e := range l.all() {
		for _, name := range names(e, kind) {
			switch {
			case name == "":
			case plain && name == text:
				found[name], exact = true, true
			case plain && strings.HasPrefix(name, text), !plain && pattern.Match(name):
				found[name] = false
			}
		}
	}
	var out []query.LogSource
	for name, is := range found {
		if is || !exact {
			out = append(out, query.LogSource{Kind: kind, Selector: selector, Name: name, Exact: is})
		}
	}
	slices.SortFunc(out, func(a, b query.LogSource) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
