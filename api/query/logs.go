package query

import (
	"context"
	"errors"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
)

// Errors of Logs.
var (
	// ErrNoSuchSource: no container, task, framework, executor or unit matches.
	ErrNoSuchSource = errors.New("nothing matches")
	// ErrBadCursor: a cursor cannot be read.
	ErrBadCursor = errors.New("malformed cursor")
	// ErrBadLogQuery: a query makes no sense. It is wrapped with what is wrong.
	ErrBadLogQuery = errors.New("bad query of logs")
	// ErrNoJournal: a node has no logs at all that could be read.
	ErrNoJournal = errors.New("no journal and no container log file can be read")
	// ErrNodeAway: a node that has to answer is not connected.
	ErrNodeAway = errors.New("the node is not connected")
	// ErrLogsBusy: a limit of queries at once is reached.
	ErrLogsBusy = errors.New("too many queries of logs at once: try again later")
)

// PartialError is returned together with an answer in which something is missing.
type PartialError struct {
	Away       []string // ids of agents of which all is missing, sorted
	Unfinished []string // ids of agents that had no time to read all entries, sorted
}

func (e *PartialError) Error() string {
	var says []string
	if len(e.Away) > 0 {
		says = append(says, "the answer lacks what these agents have: "+strings.Join(e.Away, ", "))
	}
	if len(e.Unfinished) > 0 {
		says = append(says, "these agents had no time to read all entries: "+strings.Join(e.Unfinished, ", "))
	}
	return strings.Join(says, "; ")
}

// AmbiguousError is the error of a selector that should name one thing and matches
// several.
type AmbiguousError struct {
	Selector   string
	Candidates []string // at most 20
}

func (e *AmbiguousError) Error() string {
	s := e.Selector + " is ambiguous:"
	for i, c := range e.Candidates {
		if i > 0 {
			s += ","
		}
		s += " " + c
	}
	return s
}

// LogQuery selects log entries. The zero value selects all entries of all agents, oldest
// first.
//
// A selector of Agents to Units is an exact name or id, a glob (api/glob), or a prefix of
// an id or name that is unique: a prefix that is not is an *AmbiguousError. Alternatives
// of one list are joined by "or", the lists by "and". Containers and tasks that have
// ended match as long as they have entries.
type LogQuery struct {
	Agents, Containers, Tasks, Frameworks, Executors, Applications, Units []string

	// Matches are FIELD=value arguments as journalctl(1) reads them: values of one field
	// are alternatives, different fields are all needed, "+" separates alternatives of
	// such groups.
	Matches []string
	Grep    string // regular expression (RE2) that MESSAGE must match; "" for all
	// Priority bounds PRIORITY (0 emerg to 7 debug, inclusive). Entries without a priority
	// count as 6 (info). Nil is no bound.
	Priority     *PriorityRange
	Since, Until int64  // microseconds since 1970, inclusive; 0 is no bound
	Boot         string // a boot's id, or an offset as journalctl -b has it ("0" the current boot, "-1"); "" for all

	// Cursor is where reading begins: after that entry in the order of reading. "" is
	// the first entry in that order, but see Tail.
	Cursor string
	// Skip moves the beginning by so many matching entries, forward in the journal's order
	// if positive, back if negative, before anything is read (DC/OS' skip).
	Skip int64
	// Tail begins before the last Limit entries, or after all entries with Limit 0, unless
	// there is a Cursor. It excludes Reverse.
	Tail  bool
	Limit int64 // at most so many entries; 0 is no limit. With Follow it bounds only what there was before.
	// Reverse reads the newest entries first. It excludes Follow.
	Reverse bool
	Follow  bool // wait for new entries

	Fields []string  // only these fields; nil for all
	Scope  *LogScope // what the asker may see; nil is everything
}

// PriorityRange bounds the priority of entries, inclusive.
type PriorityRange struct{ Min, Max int }

// LogReader returns the records of a query in order. It is not safe for concurrent use.
type LogReader interface {
	// Next returns the next record, which is valid until the next call. It returns io.EOF
	// after the last one; a query that follows waits for entries until ctx ends, and
	// returns a record without entry and event at least every 15 seconds.
	Next(ctx context.Context) (entry.Record, error)
	// Close ends the query. It may be called while Next waits.
	Close() error
}

// LogBucket is one interval of a histogram of entries.
type LogBucket struct {
	Start  int64     // microseconds since 1970
	Counts [8]uint64 // entries by priority
}

// LogBoot is a boot that has entries.
type LogBoot struct {
	Agent       string
	ID          [16]byte
	First, Last int64 // of its first and last entry, microseconds since 1970
}

// Logs reads the log entries of a node or a fleet. It is safe for concurrent use. Every
// answer is limited to q.Scope. Its errors wrap those of this file, ErrUnknownAgent, and
// context errors.
type Logs interface {
	// Entries begins to read entries. It fails at once if the query makes no sense or
	// selects nothing that exists.
	Entries(ctx context.Context, q *LogQuery) (LogReader, error)
	// Fields returns the names of all fields of matching entries, sorted. Fields, Values and
	// Histogram return what they have together with a *PartialError if something is missing.
	Fields(ctx context.Context, q *LogQuery) ([]string, error)
	// Values returns the values that a field has in matching entries, sorted, at most limit.
	Values(ctx context.Context, q *LogQuery, field string, limit int) ([]string, error)
	// Histogram counts matching entries between q.Since and q.Until in buckets of step
	// microseconds that begin at multiples of step.
	Histogram(ctx context.Context, q *LogQuery, step int64) ([]LogBucket, error)
	// Boots lists the boots that have entries, oldest first.
	Boots(ctx context.Context, q *LogQuery) ([]LogBoot, error)
}

// LogSource is a name that a selector of a query matches.
type LogSource struct {
	Kind     string // of the selector: one of LogSourceKinds
	Selector string // as the query has it
	Name     string // the whole id or name that it matches
	Exact    bool   // Name is Selector: neither a glob nor a prefix had to be used
}

// LogSourceKinds are the kinds of LogSource, in the order of LogQuery's lists.
var LogSourceKinds = [...]string{"container", "task", "framework", "executor", "application", "unit"}

// LogResolver is what the Logs of a node implement beside Logs, so that a relay can tell
// whether a selector is exact, a unique prefix, or ambiguous over all nodes together.
type LogResolver interface {
	// Sources returns the names on this node that the selectors Containers to Units of q
	// match, of running and of ended ones that have entries, and at most 1000 of each
	// selector. If a name is the selector itself, others that have it as a prefix are left
	// out. Several names of one selector, or none, are no error here.
	Sources(ctx context.Context, q *LogQuery) ([]LogSource, error)
}

// NoLogs is the logs of a node or a fleet that has none: every method returns
// ErrNoJournal.
type NoLogs struct{}

// Entries implements Logs.
func (NoLogs) Entries(context.Context, *LogQuery) (LogReader, error) { return nil, ErrNoJournal }

// Fields implements Logs.
func (NoLogs) Fields(context.Context, *LogQuery) ([]string, error) { return nil, ErrNoJournal }

// Values implements Logs.
func (NoLogs) Values(context.Context, *LogQuery, string, int) ([]string, error) {
	return nil, ErrNoJournal
}

// Histogram implements Logs.
func (NoLogs) Histogram(context.Context, *LogQuery, int64) ([]LogBucket, error) {
	return nil, ErrNoJournal
}

// Boots implements Logs.
func (NoLogs) Boots(context.Context, *LogQuery) ([]LogBoot, error) { return nil, ErrNoJournal }
