package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/session"
)

// taskPrinter prints what a command prints in several tasks, and how it ended there.
type taskPrinter struct {
	out, errs io.Writer
	tasks     []*execTask
	json      bool
	width     int // of the longest label
	mu        sync.Mutex
}

// taskLine is what --json prints: a line, or the end of the command in a task.
type taskLine struct {
	Task        string        `json:"task"`
	Agent       string        `json:"agent"`
	ContainerID string        `json:"container_id"`
	Stream      string        `json:"stream,omitempty"` // stdout or stderr, of a line
	Line        *string       `json:"line,omitempty"`
	Partial     bool          `json:"partial,omitempty"` // the line's end is missing, or follows in another document
	Status      *int          `json:"status,omitempty"`  // at the end
	Exit        *session.Exit `json:"exit,omitempty"`    // at the end; missing if it is not known
	Error       string        `json:"error,omitempty"`
}

func newTaskPrinter(cmd *cobra.Command, tasks []*execTask, json bool) *taskPrinter {
	p := &taskPrinter{out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), tasks: tasks, json: json}
	for _, t := range tasks {
		p.width = max(p.width, uniseg.StringWidth(t.label))
	}
	return p
}

// outputs returns where the outputs of the command in a task go.
func (p *taskPrinter) outputs(t *execTask) (out, errs *lineWriter) {
	if p.json {
		line := func(stream string) *lineWriter {
			return &lineWriter{w: p.out, shared: &p.mu, format: func(dst, line []byte, whole bool) []byte {
				text := string(line)
				return appendJSON(dst, &taskLine{Task: t.label, Agent: t.agent, ContainerID: t.container, Stream: stream,
					Line: &text, Partial: !whole})
			}}
		}
		return line("stdout"), line("stderr")
	}
	prefix := pad(t.label, p.width, false) + " | "
	format := func(dst, line []byte, _ bool) []byte {
		return append(append(append(dst, prefix...), line...), '\n')
	}
	return &lineWriter{w: p.out, shared: &p.mu, format: format}, &lineWriter{w: p.errs, shared: &p.mu, format: format}
}

// ended tells how the command ended in a task.
func (p *taskPrinter) ended(t *execTask) {
	if !p.json {
		return
	}
	line := taskLine{Task: t.label, Agent: t.agent, ContainerID: t.container, Status: &t.end.status, Exit: t.exit}
	if t.end.err != nil {
		line.Error = t.end.err.Error()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.out.Write(appendJSON(nil, &line))
}

// say prints a message.
func (p *taskPrinter) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.errs, "daytwo: "+format+"\n", args...)
}

// summary says where the command did not end with status 0, and returns an error with the highest
// status.
func (p *taskPrinter) summary() error {
	highest, good := 0, 0
	for _, t := range p.tasks {
		highest = max(highest, t.end.status)
		switch {
		case t.end.status == 0:
			good++
		case p.json:
		case t.end.err != nil:
			p.say("%s: status %d: %v", t.label, t.end.status, t.end.err)
		default:
			p.say("%s: status %d", t.label, t.end.status)
		}
	}
	if !p.json {
		p.say("%d of %d tasks ended with status 0", good, len(p.tasks))
	}
	if highest == 0 {
		return nil
	}
	return taskEnd{status: highest}
}

func appendJSON(dst []byte, line *taskLine) []byte {
	b, err := json.Marshal(line)
	if err != nil { // there is no value in it that JSON has not got
		return dst
	}
	return append(append(dst, b...), '\n')
}
