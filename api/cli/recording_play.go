package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

func sessionPlayCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "play [flags] SESSION | FILE...",
		Short: "Play the recording of a session",
		Long: `Play the recording of a session, from the relay, or from files that 'daytwo session
export' or asciinema (version 2) wrote. Several files are pieces of one session: they are
joined, and what none of them has is said.

Space pauses and goes on, '.' shows the next output while it pauses, + and - play faster
and slower, q or Ctrl-C ends. If the output is no terminal, it is printed at once.

A program can print escape sequences that reach beyond the screen: into the clipboard, the
window's title, a printer, or that make the terminal type an answer. Those are left out,
and so is everything but text, colours, cursor, erasing and scrolling, unless --raw is
given.`,
		Example: `  daytwo session play 4vd3k5gq2m7xw6zb
  daytwo session play --speed 4 --idle-limit 1s 4vd3k5gq2m7xw6zb
  daytwo session play --identity auditor.key 4vd3k5gq2m7xw6zb`,
		Args: cobra.MinimumNArgs(1),
	}
	source := recordingSource{conn: conn}
	p := player{speed: 1}
	cmd.Flags().Float64Var(&p.speed, "speed", 1, "play `FACTOR` times as fast")
	cmd.Flags().DurationVar(&p.idle, "idle-limit", 3*time.Second,
		"wait at most `DURATION` for output; 0 is as long as it was")
	cmd.Flags().BoolVar(&p.raw, "raw", false,
		"print all escape sequences as they are: only into a terminal that may be lost")
	source.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !(p.speed > 0.001 && p.speed < 1e6) {
			return usageError{errors.New("speed: give a factor above 0, such as 2 or 0.5")}
		}
		j, end, err := source.open(cmd.Context(), args)
		if err != nil {
			return err
		}
		defer end()
		return p.play(cmd, j)
	}
	return cmd
}

// player plays a recording.
type player struct {
	speed float64
	idle  time.Duration
	raw   bool

	safe   *recording.Safe
	keys   chan byte // nil without a terminal
	paused bool
	timed  bool
	out    io.Writer
}

// errQuit is that the user has seen enough.
var errQuit = errors.New("quit")

func (p *player) play(cmd *cobra.Command, j *recording.Joined) error {
	p.out, p.safe = cmd.OutOrStdout(), recording.NewSafe()
	p.timed = terminal.Is(os.Stdout)
	if p.timed && terminal.Is(os.Stdin) {
		t, err := terminal.Raw(os.Stdin)
		if err != nil {
			return err
		}
		defer t.Close()
		p.keys = make(chan byte)
		go readKeys(os.Stdin, p.keys)
	}
	if rows, cols := terminal.Size(os.Stdout); p.timed && (int(rows) < j.Header.Height || int(cols) < j.Header.Width) {
		p.note("the session's terminal had %d columns and %d rows: make this one as large", j.Header.Width, j.Header.Height)
	}
	var last time.Duration
	for {
		e, err := j.Next()
		if err == nil && p.timed {
			wait := e.At - last
			if last = e.At; p.idle > 0 {
				wait = min(wait, p.idle)
			}
			if p.wait(cmd, time.Duration(float64(wait)/p.speed)) != nil {
				err = io.EOF
			}
		}
		if err != nil {
			if p.timed {
				_, _ = io.WriteString(p.out, recording.Reset+"\r\n")
			}
			if n := p.safe.LeftOut(); n > 0 {
				p.note("%d escape sequences were left out (--raw)", n)
			}
			if err == io.EOF {
				return nil
			}
			return cutShort(err)
		}
		if err := p.show(&e); err != nil {
			return err
		}
	}
}

// show prints an event.
func (p *player) show(e *recording.Event) error {
	switch e.Kind {
	case recording.Output:
		b := []byte(e.Text)
		if !p.raw {
			b = p.safe.Filter(e.Text)
		}
		if !p.timed { // a file's lines end with LF
			b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
		}
		_, err := p.out.Write(b)
		return err
	case recording.Gap:
		p.note("%s", e.Missing())
	}
	return nil
}

func (p *player) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "daytwo: "+format+"\r\n", args...)
}

// wait waits between two events, and does what keys say. Its error is errQuit.
func (p *player) wait(cmd *cobra.Command, d time.Duration) error {
	until := time.NewTimer(max(0, d))
	defer until.Stop()
	for {
		pause := until.C
		if p.paused {
			pause = nil
		}
		select {
		case <-cmd.Context().Done():
			return errQuit
		case <-pause:
			return nil
		case key, ok := <-p.keys:
			switch {
			case !ok:
				p.keys = nil
			case key == 'q' || key == 3:
				return errQuit
			case key == ' ':
				p.paused = !p.paused
			case key == '.' && p.paused:
				return nil
			case key == '+':
				p.speed = min(p.speed*2, 1e4)
			case key == '-':
				p.speed = max(p.speed/2, 0.01)
			}
		}
	}
}

func readKeys(f *os.File, keys chan<- byte) {
	b := make([]byte, 1)
	for {
		if n, err := f.Read(b); n != 1 || err != nil {
			close(keys)
			return
		}
		keys <- b[0]
	}
}

func sessionExportCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export [flags] SESSION | FILE...",
		Short: "Write the recording of a session to a file",
		Long: `Write the recording of a session to a file, or to standard output: decrypted, and its
pieces joined.

The formats are cast, which is asciicast version 2, for asciinema and other players; cast3,
which is version 3, for asciinema 3; and text, the lines without escape sequences.`,
		Example: `  daytwo session export -f shell.cast 4vd3k5gq2m7xw6zb
  daytwo session export --format text 4vd3k5gq2m7xw6zb | less`,
		Args: cobra.MinimumNArgs(1),
	}
	source := recordingSource{conn: conn}
	path := cmd.Flags().StringP("file", "f", "", "write to `FILE`, which only you can read")
	format := cmd.Flags().String("format", "cast", "write it as `FORMAT`: cast, cast3, text")
	source.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		version := map[string]int{"cast": 2, "cast3": 3, "text": 0}
		v, ok := version[*format]
		if !ok {
			return usageError{fmt.Errorf("unknown format %q: use cast, cast3 or text", *format)}
		}
		j, end, err := source.open(cmd.Context(), args)
		if err != nil {
			return err
		}
		defer end()
		w := cmd.OutOrStdout()
		if *path != "" {
			f, err := os.OpenFile(*path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return err
			}
			return errors.Join(cutShort(exportTo(f, v, j)), f.Close())
		}
		return cutShort(exportTo(w, v, j))
	}
	return cmd
}

// exportTo writes a recording as asciicast of a version; 0 is text.
func exportTo(w io.Writer, version int, j *recording.Joined) error {
	if version != 0 {
		return recording.Export(w, version, j.Header, j)
	}
	var failed error
	put := func(_ time.Duration, line string) {
		if _, err := fmt.Fprintln(w, line); err != nil && failed == nil {
			failed = err
		}
	}
	out := [wire.Streams]*recording.Text{wire.Stdout: recording.NewText(put), wire.Stderr: recording.NewText(put)}
	for failed == nil {
		e, err := j.Next()
		switch {
		case err != nil:
			out[wire.Stdout].End()
			out[wire.Stderr].End()
			if err == io.EOF {
				err = nil
			}
			return errors.Join(failed, err)
		case e.Kind == recording.Output:
			out[e.Stream].Write(e.At, e.Text)
		case e.Kind == recording.Gap:
			put(e.At, "["+e.Missing()+"]")
		}
	}
	return failed
}

func sessionWatchCommand(conn *connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [flags] SESSION",
		Short: "Watch a session as an auditor",
		Long: `Watch a session as an auditor: what its program prints from now on, and the last of what it
has printed. You cannot type, you do not stop the program if you read slowly, and it does
not go on because of you. The policy has an action of its own for it (read daytwo:watch),
it is in the audit logs, and the people in the session are told, unless the relay runs with
--watch-unseen.

Escape sequences are left out as 'daytwo session play' does. Ctrl-C ends the watching.`,
		Example: `  daytwo session watch 4vd3k5gq2m7xw6zb`,
		Args:    cobra.ExactArgs(1),
	}
	agent := cmd.Flags().String("agent", "", "it is on the node `AGENT`, so that not all nodes have to be asked")
	raw := cmd.Flags().Bool("raw", false, "print all escape sequences as they are")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		relay, err := conn.client()
		if err != nil {
			return err
		}
		if !session.ValidID(args[0]) {
			return usageError{fmt.Errorf("%q is not the id of a session: 'daytwo session list' has them", args[0])}
		}
		all := v1.SessionOutput{Offset: wire.FromOldest}
		r := &sessionRun{relay: relay, in: os.Stdin, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(),
			request: v1.SessionRequest{Session: args[0], Agent: *agent, Watch: true, Stdout: all, Stderr: all}}
		if !*raw {
			r.out, r.errs = recording.NewSafeWriter(r.out), recording.NewSafeWriter(r.errs)
		}
		err = r.run(cmd.Context())
		if terminal.Is(os.Stdout) {
			_, _ = io.WriteString(cmd.OutOrStdout(), recording.Reset)
		}
		return err
	}
	return cmd
}
