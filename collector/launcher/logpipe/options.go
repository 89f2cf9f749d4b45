package logpipe

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

// DefaultSocket is the path of the socket of journald's native protocol.
const DefaultSocket = "/run/systemd/journal/socket"

// Socket returns the path of the native socket of a journal namespace (see LogNamespace=
// in systemd.exec(5)); "" stands for the default one.
func Socket(namespace string) string {
	if namespace == "" {
		return DefaultSocket
	}
	return "/run/systemd/journal." + namespace + "/socket"
}

// Defaults and limits of Options.
const (
	DefaultLineMax  = 16 << 20         // bytes
	MinLineMax      = 1 << 10          // bytes
	MaxLineMax      = 512 << 20        // bytes; journald takes entries below 770 MiB
	DefaultBuffer   = 8 << 20          // bytes
	MinBuffer       = 4 * batchMax     // bytes
	DefaultExitWait = 10 * time.Second // see Options.ExitWait

	DefaultPartialAfter = 5 * time.Second // of commands; see Options.PartialAfter
)

// Options say what a pipe reads and how it writes entries.
type Options struct {
	Sources []Source
	Socket  string  // path of journald's native socket; "" for DefaultSocket
	Fields  []Field // of every entry, such as SYSLOG_IDENTIFIER; see CheckFields

	LevelPrefix  bool          // a line may begin with its priority, "<0>" to "<7>", which is removed
	StripCR      bool          // remove a carriage return at the end of a line
	LineMax      int           // a line of more bytes is cut into pieces; 0 for DefaultLineMax
	PartialAfter time.Duration // a line without its end is written after that time without output; 0 for never

	Drop   bool // drop the oldest lines while journald takes none; else sources wait
	Buffer int  // bytes of entries that are kept if Drop is set; 0 for DefaultBuffer

	// ExitWait is how long sources may go on once the context of Run is done, and how long
	// journald may take for the last lines; 0 for DefaultExitWait.
	ExitWait time.Duration

	// Restarted says that another pipe had the same sources and was killed: what it had read
	// and not written is lost, and a report says so.
	Restarted bool

	// Suppressed returns how many entries of this process journald has suppressed since the
	// process began, by what the journal says; nil if nobody can tell.
	Suppressed func() (entries uint64, err error)

	Log *slog.Logger // default slog.Default()
}

// Source is an open file that a task writes to. Nobody else may read it.
type Source struct {
	FD       int
	Stream   string // value of the field STREAM: STDOUT or STDERR
	Priority int    // of syslog, 0 to 7
	Tee      int    // descriptor that gets a copy of what is read, -1 for none
}

// Stats count what a pipe has done.
type Stats struct {
	Lines, Bytes uint64 // read; a line that was cut counts once
	Entries      uint64 // made of them; one that was sent again counts once, a dropped one too
	Cut          uint64 // lines cut because they were longer than LineMax
	Unfinished   uint64 // pieces of lines that were written after PartialAfter

	DroppedLines, DroppedBytes uint64 // dropped because journald took none (Drop), or did not at the end
	Unconfirmed                uint64 // lines that journald may have lost at the end
	Resent                     uint64 // lines that were sent twice, because journald may have lost them
	Suppressed                 uint64 // entries that journald's rate limit suppressed

	Away     uint64        // how often journald was not reachable
	AwayTime time.Duration // how long altogether
}

// Lost reports whether lines did not reach the journal, or may not have.
func (s *Stats) Lost() bool { return s.DroppedLines+s.Unconfirmed+s.Suppressed > 0 }

// Attrs returns the counts for a log line.
func (s *Stats) Attrs() []any {
	return []any{"lines", s.Lines, "bytes", s.Bytes, "entries", s.Entries, "cut", s.Cut, "unfinished", s.Unfinished,
		"dropped_lines", s.DroppedLines, "dropped_bytes", s.DroppedBytes, "unconfirmed", s.Unconfirmed,
		"resent", s.Resent, "suppressed", s.Suppressed, "away", s.Away, "away_time", s.AwayTime}
}

// Check returns an error if the options are invalid, Sources left aside.
func (o Options) Check() error { return o.complete() }

// complete sets defaults, and returns an error if the options are invalid.
func (o *Options) complete() error {
	o.Socket = cmp.Or(o.Socket, DefaultSocket)
	o.LineMax = cmp.Or(o.LineMax, DefaultLineMax)
	o.Buffer = cmp.Or(o.Buffer, DefaultBuffer)
	o.ExitWait = cmp.Or(o.ExitWait, DefaultExitWait)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	switch {
	case o.LineMax < MinLineMax || o.LineMax > MaxLineMax:
		return fmt.Errorf("the longest line is %d bytes: give %d to %d", o.LineMax, MinLineMax, MaxLineMax)
	case o.Buffer < MinBuffer:
		return fmt.Errorf("the buffer is %d bytes: give at least %d", o.Buffer, MinBuffer)
	}
	for _, s := range o.Sources {
		if s.Priority < 0 || s.Priority >= len(priorities) {
			return fmt.Errorf("the priority of %s is %d: give 0 to 7", s.Stream, s.Priority)
		}
	}
	return CheckFields(o.Fields)
}
