package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/entry"
)

// LogPipe says what 'daytwo log-pipe' reads, and how it writes it to journald.
type LogPipe struct {
	StdoutFD, StderrFD     int    // descriptors to read, -1 for none
	StdoutFifo, StderrFifo string // named pipes to read, "" for none
	Tee                    bool   // copy what is read to standard output and standard error

	Identifier string
	Labels     []string // KEY=VALUE
	OriginEnv  bool     // take origin tags from the environment
	Namespace  string   // of the journal

	Priority, StderrPriority string // names or numbers of syslog
	LevelPrefix, StripCR     bool
	LineMax                  int64         // bytes
	PartialAfter             time.Duration // 0 for never
	Drop                     bool
	Buffer                   int64 // bytes
	ExitWait                 time.Duration
	Stats                    bool
}

func logPipeCommand(p Programs) *cobra.Command {
	l := LogPipe{LineMax: 16 << 20, PartialAfter: 5 * time.Second, Buffer: 8 << 20, ExitWait: 10 * time.Second}
	cmd := &cobra.Command{
		Use:   "log-pipe [flags]",
		Short: "Write what a program prints to journald, one entry a line",
		Long: `Write what a program prints to journald, one entry a line, with fields that say
whose it is: a logger for any launcher. 'daytwo run' does the same by itself.

It reads standard input, the two descriptors that a launcher hands it, or named
pipes, until all writers have closed them. After SIGINT or SIGTERM it reads on for
--exit-wait, so that the last words of a program that ends are not lost.

Every entry has MESSAGE (the line's bytes as they are, without the line feed),
PRIORITY, STREAM (STDOUT or STDERR), SYSLOG_IDENTIFIER, and a field for each
label, its name in capitals. The labels that identify a task are agent_id,
container_id (PARENT.CHILD for a nested one), executor_id, framework_id,
framework_name, application_name, task_id and task_name. Names and values of all
labels may have 10 KiB together.

Blank lines are kept, and so is a carriage return before a line feed, unless you
give --strip-cr. A line of any length up to --line-max is one entry; a longer one
is written in pieces. So is a line that a program does not end within
--partial-after. Pieces have the fields CONTAINER_PARTIAL_ID, _ORDINAL, _LAST and
_MESSAGE, which Docker's journald driver writes too, and those who read Docker's
join them. LINE_BREAK says why a piece ends: line-max, idle, or eof for a last
line without a line feed.

While journald is slow or away, the program waits: no line is lost. With
--on-full drop it does not wait, and the oldest lines beyond --buffer are dropped.
Lines that journald had not handled for sure when it was killed are sent again
with LINE_RESENT=1, and may be there twice. Whatever was dropped, sent again or
suppressed by journald's rate limit is counted and reported: on standard error,
and in the journal, by an entry with MESSAGE_ID=` + entry.PipeReport + `.

The exit status is 0 if every line reached journald, else 1.`,
		Example: `  ./server 2>&1 | daytwo log-pipe --identifier server --label task_name=server
  daytwo log-pipe --stdout-fd 3 --stderr-fd 4 --label container_id=$ID   for a launcher: two pipes
  bash -c './server > >(daytwo log-pipe -t web) 2> >(daytwo log-pipe -t web --stderr-fd 0)'
  daytwo log-pipe --fifo /run/app/log --identifier app                   created if it is missing
  ./build.sh | daytwo log-pipe --tee --identifier build                  printed as well
  ./game | daytwo log-pipe --on-full drop --buffer 32MiB                 never make it wait
  journalctl -f TASK_NAME=server STREAM=STDERR                           look at them`,
		GroupID: "run",
		Args:    cobra.NoArgs,
	}
	var stdoutFD, stderrFD, onFull string
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVarP(&l.Identifier, "identifier", "t", "",
		"set SYSLOG_IDENTIFIER to `NAME` (default: the label task_name, else log-pipe)")
	fs.StringArrayVar(&l.Labels, "label", nil,
		"add the field KEY to every entry, in capitals: `KEY=VALUE`; may be repeated")
	fs.BoolVar(&l.OriginEnv, "origin-env", false,
		"take labels that identify the task from the environment too, such as CONTAINER_ID and TASK_NAME")
	fs.StringVar(&stdoutFD, "stdout-fd", "",
		"read the program's standard output from the open descriptor `N` (default: 0)")
	fs.StringVar(&stderrFD, "stderr-fd", "", "read the program's standard error from the open descriptor `N`")
	fs.StringVar(&l.StdoutFifo, "fifo", "", "read standard output from the named pipe `PATH`, until SIGTERM")
	fs.StringVar(&l.StderrFifo, "stderr-fifo", "", "read standard error from the named pipe `PATH`, until SIGTERM")
	fs.BoolVar(&l.Tee, "tee", false, "print what is read, too")
	fs.StringVar(&l.Namespace, "journal-namespace", "",
		"write to the journal namespace `NAME` (see LogNamespace= in systemd.exec(5))")
	fs.StringVarP(&l.Priority, "priority", "p", "info",
		"give lines of standard output the `PRIORITY`: 0 to 7 or its name, as in journalctl")
	fs.StringVar(&l.StderrPriority, "stderr-priority", "err", "give lines of standard error the `PRIORITY`")
	fs.BoolVar(&l.LevelPrefix, "level-prefix", false,
		"take the priority from a line that begins with <0> to <7>, and remove that "+
			"(see SyslogLevelPrefix= in systemd.exec(5))")
	fs.BoolVar(&l.StripCR, "strip-cr", false, "remove a carriage return at the end of a line")
	fs.Var((*size)(&l.LineMax), "line-max", "write a line above `SIZE` in pieces; four times as much memory may be used")
	fs.Var((*age)(&l.PartialAfter), "partial-after",
		"write an unfinished line after `TIME` without output; 0: wait for its end")
	fs.StringVar(&onFull, "on-full", "block",
		"`WHAT` to do while journald takes nothing: block the program, or drop the oldest lines")
	fs.Var((*size)(&l.Buffer), "buffer", "keep up to `SIZE` of entries before dropping, with --on-full drop")
	fs.Var((*age)(&l.ExitWait), "exit-wait",
		"wait `TIME` at most for the program after a signal, and for journald at the end")
	fs.BoolVar(&l.Stats, "stats", false, "print counts at the end, to standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if l.StdoutFD, err = descriptor(stdoutFD); err != nil {
			return usageError{fmt.Errorf("--stdout-fd: %w", err)}
		}
		if l.StderrFD, err = descriptor(stderrFD); err != nil {
			return usageError{fmt.Errorf("--stderr-fd: %w", err)}
		}
		switch {
		case stdoutFD != "" && l.StdoutFifo != "":
			return usageError{errors.New("--stdout-fd and --fifo both say where standard output is: give one")}
		case stderrFD != "" && l.StderrFifo != "":
			return usageError{errors.New("--stderr-fd and --stderr-fifo both say where standard error is: give one")}
		case l.StdoutFD >= 0 && l.StdoutFD == l.StderrFD:
			return usageError{errors.New("--stdout-fd and --stderr-fd are the same: give one of them")}
		case l.StdoutFifo != "" && l.StdoutFifo == l.StderrFifo:
			return usageError{errors.New("--fifo and --stderr-fifo are the same: give one of them")}
		case stdoutFD == "" && stderrFD == "" && l.StdoutFifo == "" && l.StderrFifo == "":
			l.StdoutFD = 0
		}
		if l.Drop, err = parseOnFull(onFull); err != nil {
			return usageError{err}
		}
		return p.LogPipe(cmd.Context(), l)
	}
	return cmd
}

// UsageError returns an error for an invalid command line.
func UsageError(err error) error { return usageError{err} }
