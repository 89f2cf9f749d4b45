package shell

import (
	"os"
	"strings"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/syntax"

	"github.com/daytwo/daytwo/collector/sessions/toolbox/applets"
)

// editor reads commands from a terminal: with a line that can be edited, and a history.
type editor struct {
	shell       *interpreter
	term        *term.Terminal
	interrupted bool // Ctrl-C was read
}

const ctrlC = 3

func newEditor(s *interpreter) *editor {
	e := &editor{shell: s}
	e.term = term.NewTerminal(e, "")
	return e
}

// Read implements io.Reader for the terminal: byte by byte, as what follows the line is for the
// command.
func (e *editor) Read(p []byte) (int, error) {
	n, err := os.Stdin.Read(p[:min(1, len(p))])
	if n == 1 && p[0] == ctrlC {
		e.interrupted = true
		os.Stdout.WriteString("^C")
		p[0] = '\r' // the line ends, and is left out
	}
	return n, err
}

// Write implements io.Writer.
func (e *editor) Write(p []byte) (int, error) { return os.Stdout.Write(p) }

// command returns what was typed: nothing if it was interrupted, io.EOF at the end.
func (e *editor) command() (stmts []*syntax.Stmt, err error) {
	dir := applets.Printable(e.shell.Dir)
	prompt := dir + " # "
	if os.Geteuid() != 0 {
		prompt = dir + " $ "
	}
	var text strings.Builder
	for {
		line, err := e.line(prompt)
		if e.interrupted {
			e.interrupted = false
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		text.WriteString(line + "\n")
		file, err := e.shell.parser.Parse(strings.NewReader(text.String()), "")
		if err != nil && syntax.IsIncomplete(err) {
			prompt = "> "
			continue
		}
		if err != nil {
			return nil, err
		}
		return file.Stmts, nil
	}
}

// line reads a line in raw mode, and restores the terminal for what runs then.
func (e *editor) line(prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer term.Restore(fd, state)
	if w, h, err := term.GetSize(fd); err == nil && w > 0 && h > 0 {
		e.term.SetSize(w, h)
	}
	e.term.SetPrompt(prompt)
	line, err := e.term.ReadLine()
	if err == term.ErrPasteIndicator {
		err = nil
	}
	return line, err
}
