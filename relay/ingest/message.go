package ingest

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Message is one message of the stream. The handler may keep Data but must not modify
// it.
type Message struct {
	Subject string
	Data    []byte
	Seq     uint64    // of the message in the stream
	Time    time.Time // when the stream received it

	session *session
	msg     jetstream.Msg
	holds   atomic.Int32 // the running handler counts as one; at 0 the message is acknowledged
}

// Hold postpones the acknowledgement until Release, for a handler that finishes its
// work on a message only after it has returned. The handler must call it before it
// returns. Until Release, the message is reported to the server as in progress.
func (m *Message) Hold() { m.holds.Add(1) }

// Release undoes one Hold. Any goroutine may call it; it never blocks.
func (m *Message) Release() {
	if m.holds.Add(-1) == 0 && m.session != nil {
		m.session.release(m)
	}
}
