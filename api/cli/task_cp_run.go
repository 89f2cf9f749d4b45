package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/archive"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

// copyRun is one copy: a session with a tool, whose archive is packed or written here.
type copyRun struct {
	flags     copyFlags
	relay     *client.Client
	out, errs io.Writer
	session   *sessionRun
	progress  *copyProgress
}

// copyBytes is how many bytes may wait to be written to files.
const copyBytes = 1 << 20

// maxTail bounds what a tool may send after its archive.
const maxTail = 1 << 20

// from copies out of a container.
func (c *copyRun) from(ctx context.Context, from operand, to string) error {
	path, contents, directory := inContainer(from.path)
	args := []string{session.ToolCopyOut, path}
	name := ""
	if !contents {
		name = filepath.Base(path)
		args = append(args, "-name="+name)
	}
	if c.flags.follow || directory && !contents {
		args = append(args, "-follow")
	}
	if to == "-" {
		if f, ok := c.out.(*os.File); ok && terminal.Is(f) {
			return usageError{errors.New("a tar archive is not for a terminal: redirect standard output")}
		}
		if name == "" {
			args = append(args, "-name=")
		}
		return c.run(ctx, from.task, args, c.out, nil)
	}
	place, err := archive.NewPlace(to, name, archive.Open)
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	defer place.Close()
	b := newCopyBuffer(copyBytes)
	done := make(chan error, 1)
	var sum archive.Summary
	go func() {
		var err error
		sum, err = archive.Extract(b, place, archive.ExtractOptions{Owner: c.flags.owner, MaxBytes: int64(c.flags.maxSize),
			Say: c.say, Progress: c.show})
		if err == nil {
			if n, _ := io.CopyN(io.Discard, b, maxTail); n == maxTail {
				err = errors.New("the container sends more after the end of its archive")
			}
		}
		b.refuse(err)
		done <- err
	}()
	err = c.run(ctx, from.task, args, b, nil)
	b.Close()
	written := <-done
	c.progress.hide()
	if err != nil {
		return err
	}
	if written == nil {
		written = sum.Err()
	}
	if written != nil {
		return taskEnd{status: exitFailure, err: written}
	}
	return nil
}

// in copies into a container.
func (c *copyRun) in(ctx context.Context, from string, to operand) error {
	path, _, directory := inContainer(to.path)
	args := []string{session.ToolCopyIn, path}
	if c.flags.owner {
		args = append(args, "-owner")
	}
	if from == "-" {
		args = append(args, "-stream")
		return c.run(ctx, to.task, args, nil, func(w io.Writer) error {
			_, err := io.Copy(w, os.Stdin)
			return err
		})
	}
	if directory {
		args = append(args, "-directory")
	}
	o := archive.PackOptions{Follow: c.flags.follow || strings.HasSuffix(from, "/"), Say: c.say, Progress: c.show}
	if from != "." && !strings.HasSuffix(from, "/.") {
		whole, err := filepath.Abs(from)
		if err != nil {
			return err
		}
		if o.Name = filepath.Base(whole); o.Name == "/" {
			o.Name = ""
		}
	}
	args = append(args, "-name="+o.Name)
	stat := os.Lstat
	if o.Follow || o.Name == "" {
		stat = os.Stat
	}
	if _, err := stat(from); err != nil {
		return err
	}
	src, err := archive.NewSource(from, archive.Open)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	var sum archive.Summary
	err = c.run(ctx, to.task, args, nil, func(w io.Writer) (err error) {
		b := bufio.NewWriterSize(w, 64<<10)
		if sum, err = archive.Pack(b, src, o); err == nil {
			err = b.Flush()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", from, err)
		}
		return err
	})
	if err == nil && sum.Problems != 0 {
		err = taskEnd{status: exitFailure, err: sum.Err()}
	}
	return err
}

// run runs a tool in a container. Its standard output goes to out; feed writes its input.
func (c *copyRun) run(ctx context.Context, task string, args []string, out io.Writer,
	feed func(io.Writer) error) error {
	command := session.Command{Tool: args[0], Args: args, User: c.flags.user, Stdin: feed != nil}
	if err := command.Check(); err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	c.session = &sessionRun{relay: c.relay, errs: c.errs, request: v1.SessionRequest{Session: session.NewID(),
		Container: task, Agent: c.flags.agent, Command: &command, Write: true}}
	s := sessionclient.New(sessionclient.Options{Dial: c.session.dial, Stdout: out, Stderr: &toolErrors{c}, Lost: c.lost,
		Gap: func(wire.Stream, uint64) { cancel(errors.New("bytes of the copy are lost")) }})
	if c.progress == nil && !c.flags.quiet && terminal.Is(os.Stderr) {
		c.progress = &copyProgress{w: c.errs}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		if feed == nil {
			return
		}
		err := feed(s)
		switch {
		case err == nil:
			s.CloseWrite()
		case !errors.Is(err, io.ErrClosedPipe): // then the session has ended, and says why
			cancel(err)
		}
	}()
	go func() {
		select {
		case sig := <-signals:
			cancel(taskEnd{status: 128 + int(sig.(syscall.Signal))})
		case <-ctx.Done():
		}
	}()
	exit, err := s.Run(ctx)
	if feed != nil && err == nil {
		<-fed // what it has said counts
	}
	c.progress.hide()
	if err != nil {
		c.kill()
	}
	var end taskEnd
	if errors.As(err, &end) {
		return end
	}
	return c.session.end(exit, err)
}

// kill ends a session whose copy cannot go on, so that nothing incomplete stays there.
func (c *copyRun) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if c.session.request.Agent != "" {
		_ = c.relay.KillSession(ctx, c.session.request.Agent, c.session.request.Session)
	}
}

func (c *copyRun) lost(err error) {
	c.progress.hide()
	c.session.lost(err)
}

func (c *copyRun) show(s archive.State) { c.progress.show(s) }

// say says what is missing.
func (c *copyRun) say(text string) {
	c.progress.hide()
	fmt.Fprintf(c.errs, "daytwo: %s\n", text)
}

// toolErrors prints what a tool says. It comes from a container, so it has no control characters.
type toolErrors struct{ c *copyRun }

func (t *toolErrors) Write(p []byte) (int, error) {
	t.c.progress.hide()
	var b strings.Builder
	for line := range strings.Lines(string(p)) {
		text, end := strings.CutSuffix(line, "\n")
		b.WriteString(printable(text))
		if end {
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(t.c.errs, b.String())
	return len(p), err
}
