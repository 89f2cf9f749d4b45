package ingest

import (
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// Message is one message of the stream. The handler may keep Data, and must not
// change it.
type Message struct {
	Subject string
	Data    []byte

	session *session
	msg     jetstream.Msg
	holds   atomic.Int32 // the handler's call is one; at 0 the message is acknowledged
}

// Hold postpones the acknowledgement until Release, for a handler that is done
// with a message only after it has returned. It is to be called in the handler.
// Meanwhile the server is told that work on the message goes on.
func (m *Message) Hold() { m.holds.Add(1) }

// Release undoes one Hold. Any goroutine may call it; it never blocks.
func (m *Message) Release() {
	if m.holds.Add(-1) == 0 && m.session != nil {
		m.session.release(m)
	}
}
