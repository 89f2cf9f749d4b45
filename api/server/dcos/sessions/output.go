package sessions

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daytwo/daytwo/api/session/wire"
)

// maxData bounds the bytes of one record of output, so that it has no more than 16 KiB in either
// encoding: DC/OS' Python client takes quadratic time for a record.
const maxData = 12_000

// output is the body of an answer that streams what a process prints.
type output struct {
	enc encoding
	tty bool // the user's terminal is in raw mode
	w   http.ResponseWriter
	ctl *http.ResponseController

	gone func() // called when writing fails; nil for nothing

	mu  sync.Mutex
	buf []byte
	err error // of writing
}

func newOutput(w http.ResponseWriter, enc encoding, tty bool) *output {
	return &output{enc: enc, tty: tty, w: w, ctl: http.NewResponseController(w)}
}

// begin sends the headers. Both clients wait for them before they send input.
func (o *output) begin() {
	h := o.w.Header()
	h.Set("Content-Type", typeRecordIO)
	h.Set("Message-Content-Type", o.enc.String())
	h.Set("X-Accel-Buffering", "no")
	o.w.WriteHeader(http.StatusOK)
	o.err = o.ctl.Flush()
}

// of returns a writer of a stream of the process.
func (o *output) of(s stream) *outputStream { return &outputStream{o, s} }

type outputStream struct {
	o *output
	s stream
}

// Write implements io.Writer. It waits for a client that reads slowly, which stops the program.
func (s *outputStream) Write(p []byte) (int, error) {
	o := s.o
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = o.buf[:0]
	for rest := p; len(rest) > 0; {
		part := rest[:min(len(rest), maxData)]
		rest = rest[len(part):]
		o.buf = appendData(o.buf, o.enc, s.s, part)
	}
	if err := o.send(); err != nil {
		if o.gone != nil {
			o.gone()
		}
		return 0, err
	}
	return len(p), nil
}

// heartbeat sends a record that says nothing, so that no proxy takes the connection for idle.
func (o *output) heartbeat(every time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = appendHeartbeat(o.buf[:0], o.enc, every)
	_ = o.send() // the next output fails, too
}

// send sends the buffer. The caller holds the lock.
func (o *output) send() error {
	if o.err != nil || len(o.buf) == 0 {
		return o.err
	}
	if _, o.err = o.w.Write(o.buf); o.err == nil {
		o.err = o.ctl.Flush()
	}
	return o.err
}

// gap says that output was lost: the node keeps only so much of it.
func (o *output) gap(_ wire.Stream, bytes uint64) {
	o.say(fmt.Sprintf("%d bytes of output are lost: more was printed than is kept", bytes))
}

// say tells the user of a client something about the session, on standard error.
func (o *output) say(text string) {
	end := "\n"
	if o.tty {
		end = "\r\n"
	}
	_, _ = o.of(stderr).Write([]byte("daytwo: " + text + end)) // a failure shows with the next output
}

// broke tells why a stream breaks off, unless the client went away.
func (o *output) broke(ctx context.Context, err error) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errAccessEnded):
		o.say(cause.Error())
	case cause == nil:
		o.say(err.Error())
	}
}

// hurry bounds how long the client may take from now on.
func (o *output) hurry() { _ = o.ctl.SetWriteDeadline(time.Now().Add(time.Second)) }

// beat sends heartbeats until stop is called.
func (o *output) beat(every time.Duration) (stop func()) {
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				o.heartbeat(every)
			}
		}
	})
	return sync.OnceFunc(func() { close(done); work.Wait() })
}

// appendData appends a record with bytes of a stream, at least one.
func appendData(dst []byte, enc encoding, s stream, p []byte) []byte {
	if enc == asProtobuf {
		data := 2 + 1 + protowire.SizeBytes(len(p)) // type, and the tag and bytes of data
		dst = appendRecordHead(dst, 2+1+protowire.SizeBytes(data))
		dst = appendNumber(dst, 1, 1) // DATA
		dst = protowire.AppendTag(dst, 2, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(data))
		dst = appendNumber(dst, 1, uint64(s))
		return protowire.AppendBytes(protowire.AppendTag(dst, 2, protowire.BytesType), p)
	}
	const head, middle, tail = `{"type":"DATA","data":{"type":"`, `","data":"`, `"}}`
	name := "STDOUT"
	if s == stderr {
		name = "STDERR"
	}
	dst = appendRecordHead(dst,
		len(head)+len(name)+len(middle)+base64.StdEncoding.EncodedLen(len(p))+len(tail))
	dst = append(append(append(dst, head...), name...), middle...)
	return append(base64.StdEncoding.AppendEncode(dst, p), tail...)
}

// appendHeartbeat appends a record that keeps a connection open.
func appendHeartbeat(dst []byte, enc encoding, every time.Duration) []byte {
	var m []byte
	if enc == asProtobuf {
		interval := appendMessage(nil, 1, appendNumber(nil, 1, uint64(every.Nanoseconds())))
		m = appendMessage(appendNumber(nil, 1, 2), 3, appendMessage(appendNumber(nil, 1, 2), 3, interval))
	} else {
		m = append(m, `{"type":"CONTROL","control":{"type":"HEARTBEAT","heartbeat":{"interval":{"nanoseconds":`...)
		m = append(strconv.AppendInt(m, every.Nanoseconds(), 10), `}}}}`...)
	}
	return append(appendRecordHead(dst, len(m)), m...)
}

// appendStatus appends the answer to waitContainer.
func appendStatus(dst []byte, enc encoding, status int) []byte {
	if enc == asProtobuf {
		return appendMessage(appendNumber(dst, 1, 15), 16, appendNumber(nil, 1, uint64(status)))
	}
	dst = append(dst, `{"type":"WAIT_CONTAINER","wait_container":{"exit_status":`...)
	return append(strconv.AppendInt(dst, int64(status), 10), `}}`...)
}

func appendNumber(dst []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), v)
}

func appendMessage(dst []byte, num protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), m)
}
