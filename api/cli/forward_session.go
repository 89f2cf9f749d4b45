package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/forward"
)

// forwardSession is a session that connects to ports of a container.
type forwardSession struct {
	client *forward.Client
	run    *sessionRun
	stream *sessionStream
	ended  chan struct{} // closed when it has ended; exit and err are set then
	exit   session.Exit
	err    error
}

// openForward opens a session, and waits until it connects.
func openForward(ctx context.Context, run *sessionRun) (*forwardSession, error) {
	f := &forwardSession{run: run, ended: make(chan struct{})}
	// It ends by end, in order.
	ctx2, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r, w := io.Pipe()
	f.stream = &sessionStream{ctx: ctx2, cancel: cancel, r: r, w: w}
	f.stream.s = sessionclient.New(sessionclient.Options{Dial: run.dial, Stdout: f.stream.output(), Lost: run.lost})
	go func() {
		defer close(f.ended)
		f.exit, f.err = f.stream.s.Run(ctx2)
		_ = w.Close() // the client reads to the end
	}()
	var err error
	if f.client, err = forward.NewClient(f.stream); err == nil {
		err = f.client.Ready(ctx)
	}
	if err == nil {
		return f, nil
	}
	if ctx.Err() == nil {
		select { // why it ended says more than that it did
		case <-f.ended:
			if e := f.run.end(f.exit, f.err); e != nil {
				err = e
			}
		case <-time.After(forwardLastWords):
		}
	}
	f.end()
	return nil, err
}

// forwardLastWords is how long the end of a session may take.
const forwardLastWords = 3 * time.Second

// end ends the session, and all its connections.
func (f *forwardSession) end() {
	ctx, cancel := context.WithTimeout(context.Background(), forwardLastWords)
	defer cancel()
	if f.client != nil {
		_ = f.client.Shutdown(ctx)
	}
	_ = f.stream.Close()
	select {
	case <-f.ended:
	case <-ctx.Done():
	}
	f.stream.cancel()
	<-f.ended
}

// containerEnded reports whether the session ended with its container, of which there may be another
// one.
func (f *forwardSession) containerEnded() bool {
	switch f.exit.Reason {
	case session.ContainerEnded, session.OutOfMemory, session.KeeperLost:
		return f.err == nil
	}
	return false
}

// sessionStream is a session's input and output as one stream.
type sessionStream struct {
	ctx    context.Context
	cancel context.CancelFunc
	s      *sessionclient.Session
	r      *io.PipeReader
	w      *io.PipeWriter
}

// Read implements io.Reader.
func (c *sessionStream) Read(p []byte) (int, error) { return c.r.Read(p) }

// Write implements io.Writer.
func (c *sessionStream) Write(p []byte) (int, error) { return c.s.WriteContext(c.ctx, p) }

// Close ends the input. The output is read no more, and does not stop the session.
func (c *sessionStream) Close() error {
	c.s.CloseWrite()
	return c.r.Close()
}

// output returns what the session writes its output to.
func (c *sessionStream) output() io.Writer { return pipeOutput{c.w} }

type pipeOutput struct{ w *io.PipeWriter }

func (o pipeOutput) Write(p []byte) (int, error) {
	if _, err := o.w.Write(p); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return 0, err
	}
	return len(p), nil
}
