package sessions

import (
	"context"
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session/client"
)

const (
	// afterEnd is for how long a client may go on to send input to a container that has ended.
	// It is answered well then: neither of DC/OS' clients bears an error.
	afterEnd = 30 * time.Second
	// hangUp is how long programs have after the signal of a terminal that went away.
	hangUp = 2 * time.Second
)

var (
	errWriter = &web.Error{Status: http.StatusConflict, Message: "another client writes to this container"}
	errTask   = web.BadRequest("the input of a task itself cannot be written, as it belongs to what started it: " +
		"attach without input ('dcos task attach --no-stdin', 'daytwo task attach'), or start a shell in it " +
		"('dcos task exec -it', 'daytwo task exec -it')")
)

// attachInput passes a stream of input on to a session.
func (a *API) attachInput(w http.ResponseWriter, r *http.Request, enc encoding) error {
	ctl := http.NewResponseController(w) // a writer of tests can do none of what is asked of it
	// Otherwise the server would wait for the end of the body before it sends an error.
	_ = ctl.EnableFullDuplex()
	// The body may be long and take long; nothing of it is kept.
	records := newRecordReader(web.WholeBody(r))
	err := a.input(r, ctl, records, enc)
	if err != nil {
		w.Header().Set("Connection", "close")
		_ = ctl.SetReadDeadline(time.Now().Add(time.Second))
		return err
	}
	// Without a body there is no content type; DC/OS' Go client takes any for an error.
	w.Header()["Content-Type"] = nil
	w.WriteHeader(http.StatusOK)
	return nil
}

// input reads records to the end of the body.
func (a *API) input(r *http.Request, ctl *http.ResponseController, records *recordReader, enc encoding) error {
	n, err := a.inputOf(r, records, enc)
	if err != nil {
		return err
	}
	s, release, ok := n.write()
	if !ok {
		return errWriter
	}
	defer release()
	_, _ = ctl.SetReadDeadline(time.Time{}), ctl.SetWriteDeadline(time.Time{})
	stop := n.onEnd(func() { _ = ctl.SetReadDeadline(time.Now().Add(afterEnd)) })
	defer stop()
	in := &input{n: n, s: s, enc: enc}
	err = in.copy(r.Context(), records)
	if err == nil && in.hungUp() {
		a.hangUp(r, n, s)
	}
	var bad *badInput
	if errors.As(err, &bad) {
		return web.BadRequest("%v", bad.err)
	}
	return nil // a body that broke off has nobody left to answer to
}

// inputOf reads the first record, which names the container.
func (a *API) inputOf(r *http.Request, records *recordReader, enc encoding) (*nested, error) {
	b, err := records.next()
	if err != nil {
		return nil, web.BadRequest("the first record cannot be read: %v", err)
	}
	c, err := enc.parse(b)
	switch {
	case err != nil:
		return nil, web.BadRequest("%v", err)
	case c.kind != attachInput || c.input != nil:
		return nil, web.BadRequest("the first record has to be ATTACH_CONTAINER_INPUT of the type CONTAINER_ID")
	case c.container.nested == "":
		return nil, errTask
	}
	n := a.Table.find(a.key(r, c.container))
	if n == nil {
		return nil, errNoContainer
	}
	return n, nil
}

// errNoContainer is the answer for a container that the asker has not opened here.
var errNoContainer = web.NotFound("you have opened no container of this id through this relay, or it ended more than " +
	"two minutes ago; all calls of a session have to reach the same relay")

// badInput is a body that makes no sense.
type badInput struct{ err error }

func (e *badInput) Error() string { return e.err.Error() }

// input is a stream of input while it is read.
type input struct {
	n     *nested
	s     *client.Session // nil after the end: what comes is thrown away
	enc   encoding
	any   bool // a record came after the first one
	ended bool // its end was said
}

// hungUp reports whether the client went away: DC/OS' Go client, when it is told to end, ends
// the body without an end of input, and waits for the output to end.
func (in *input) hungUp() bool { return in.n.tty && in.any && !in.ended }

// copy passes records on until the body ends.
func (in *input) copy(ctx context.Context, records *recordReader) error {
	for {
		b, err := records.next()
		switch {
		case err == io.EOF:
			return nil
		case err == errRecord:
			return &badInput{err}
		case err != nil: // it broke off
			return err
		}
		c, err := in.enc.parse(b)
		if err == nil && (c.kind != attachInput || c.input == nil) {
			err = errors.New("a record has to be ATTACH_CONTAINER_INPUT of the type PROCESS_IO")
		}
		if err != nil {
			return &badInput{err}
		}
		in.any = true
		in.take(ctx, c.input)
	}
}

// take passes one record on.
func (in *input) take(ctx context.Context, p *processIO) {
	switch p.kind {
	case ioSize:
		if in.s != nil && in.n.tty {
			in.s.Resize(p.rows, p.cols)
		}
	case ioData:
		if len(p.data) == 0 {
			in.ended = true
			// A terminal has no end of input: DC/OS' Go client sends one when it detaches.
			if in.s != nil && !in.n.tty {
				in.s.CloseWrite()
			}
			return
		}
		in.ended = false
		if in.s != nil {
			if _, err := in.s.WriteContext(ctx, p.data); err != nil {
				in.s = nil // the session has ended, or its input has
			}
		}
	}
}

// hangUp ends a session as a terminal that goes away does.
func (a *API) hangUp(r *http.Request, n *nested, s *client.Session) {
	if s == nil {
		return
	}
	s.Signal(int(syscall.SIGHUP))
	select {
	case <-n.ended:
	case <-time.After(hangUp):
		(&attached{api: a, who: a.asker(r), agent: n.key.agent, id: n.id}).kill(r.Context())
	}
}
