package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/v1"
)

// logSource is where log commands get entries from: a client of a relay.
type logSource interface {
	// Logs yields the entries and events that match. An error is the last.
	Logs(ctx context.Context, query url.Values) iter.Seq2[*v1.LogEntry, error]
	// LogsExport yields them in the journal export format.
	LogsExport(ctx context.Context, query url.Values) iter.Seq2[client.ExportedEntry, error]
}

// logPrinter prints the entries of one or more queries.
type logPrinter struct {
	o       *logOptions
	w       *bufio.Writer
	line    logLine
	notices io.Writer // standard error, or the pager that would cover it
	heads   bool      // print a header whenever the task changes
	last    string    // the task of the entry before
	entries int
	b       []byte

	progress *logProgress
}

// print prints what a source has for a query. That nothing
// matches is a failure, which is said on standard error.
func (o *logOptions) print(cmd *cobra.Command, from logSource, heads bool, queries ...url.Values) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	out, terminal, done := o.pager(cmd.OutOrStdout(), cancel)
	defer done()
	p := &logPrinter{o: o, w: bufio.NewWriterSize(out, 64<<10), notices: cmd.ErrOrStderr(), heads: heads}
	if out != cmd.OutOrStdout() {
		p.notices = p.w
	}
	p.line = logLine{format: o.out.format, terminal: terminal, color: o.colored(terminal)}
	if !terminal && !o.follow && term.IsTerminal(int(os.Stderr.Fd())) {
		p.progress = startProgress(cmd.ErrOrStderr())
		defer p.progress.hide()
	}
	var missing error // of a task without entries
	for _, q := range queries {
		var err error
		if o.out.format == "export" {
			err = p.export(ctx, from, q)
		} else {
			err = p.run(ctx, from, q)
		}
		if flush := p.w.Flush(); err == nil {
			err = flush
		}
		switch {
		case errors.Is(err, syscall.EPIPE), err != nil && ctx.Err() != nil:
			return nil // the reader of the output, or the user, has had enough
		case client.NotFound(err):
			missing = err // others may have some
		case err != nil:
			return err
		}
	}
	if p.entries == 0 && missing != nil {
		text := strings.ReplaceAll(missing.Error(), "GET /api/v1/containers", "'daytwo task list'")
		text, _, _ = strings.Cut(text, ": GET ") // of what no command lists
		return errors.New(text)
	}
	if p.entries == 0 && (o.lines > 0 || o.unlimited()) {
		fmt.Fprintln(cmd.ErrOrStderr(), "daytwo: no log entries match")
		return errFailed
	}
	return nil
}

// run prints the entries of a query, each at once if it follows.
func (p *logPrinter) run(ctx context.Context, from logSource, q url.Values) error {
	for e, err := range from.Logs(ctx, q) {
		if err != nil {
			return err
		}
		if err := p.entry(e); err != nil {
			return err
		}
	}
	return nil
}

// entry prints one entry or event.
func (p *logPrinter) entry(e *v1.LogEntry) error {
	p.b = p.b[:0]
	if p.isNotice(e) {
		return p.notice(e)
	}
	switch p.o.out.format {
	case "json":
		p.b = appendFlat(p.b, e, false)
	case "json-pretty":
		p.b = appendFlat(p.b, e, true)
	default:
		if name := headOf(e); p.heads && e.Event == "" && name != p.last {
			if p.last != "" {
				p.b = append(p.b, '\n')
			}
			p.b = append(p.b, "===> "+printable(name)+" <===\n"...)
			p.last = name
		}
		p.b = p.line.append(p.b, e)
	}
	if e.Event == "" {
		p.entries++
		p.progress.add(len(p.b))
	}
	if _, err := p.w.Write(p.b); err != nil {
		return err
	}
	if p.o.follow {
		return p.w.Flush()
	}
	return nil
}

// isNotice reports whether an event goes to standard error: it tells the user how reading
// goes on and reports nothing missing, or the output must hold nothing but what was
// written.
func (p *logPrinter) isNotice(e *v1.LogEntry) bool {
	switch e.Event {
	case "":
		return false
	case string(entry.Ended), string(entry.Waiting), client.Reconnecting:
		return true
	}
	return p.o.out.format == "cat"
}

// notice prints an event after what was printed before.
func (p *logPrinter) notice(e *v1.LogEntry) error {
	if err := p.w.Flush(); err != nil {
		return err
	}
	p.progress.hide()
	_, err := p.notices.Write((&logLine{}).event(p.b, e))
	return err
}

// headOf returns what the header of an entry's task says: its id, which has the name in it
// where DC/OS made it, else the name and the beginning of the id.
func headOf(e *v1.LogEntry) string {
	id, name := cmp.Or(e.Tags["task_id"], e.Tags["container_id"], source(e)), e.Tags["task_name"]
	if name == "" || strings.Contains(id, name) {
		return id
	}
	return name + " " + id[:min(len(id), 12)]
}

// export prints the entries of a query in the journal export format.
func (p *logPrinter) export(ctx context.Context, from logSource, q url.Values) error {
	for e, err := range from.LogsExport(ctx, q) {
		if err != nil {
			return err
		}
		if e.Notice != nil {
			p.b = p.b[:0]
			if err := p.notice(e.Notice); err != nil {
				return err
			}
			continue
		}
		p.entries++
		p.progress.add(len(e.Bytes))
		if _, err := p.w.Write(e.Bytes); err != nil {
			return err
		}
		if p.o.follow {
			if err := p.w.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// colored reports whether lines have colours.
func (o *logOptions) colored(terminal bool) bool {
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	return o.color == "always" || o.color == "auto" && terminal && !plain
}
