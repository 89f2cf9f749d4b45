package keeper

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// recording is what the keeper knows of the session's recording, which a relay writes.
type recording struct {
	recorder   *conn                // nil while none is connected
	unrecorded time.Time            // since when
	written    [wire.Streams]uint64 // offsets up to which outputs are in the recording
	recorded   bool                 // all of it is
	unwritable bool                 // it cannot be written any more
}

// attachSpecial takes a recorder or an auditor. It returns false for a recorder that is not
// wanted.
func (k *keeper) attachSpecial(c *conn, h *wire.Hello) bool {
	c.record, c.watch, c.tell = h.Record, h.Watch, h.Watch && h.Tell
	if c.record || c.watch {
		c.write, c.holds = false, false
	}
	if !c.record {
		return true
	}
	if !k.cfg.Recorded || k.recorder != nil && !k.recorder.gone && k.recorder.id != c.id {
		c.record = false
		return false
	}
	k.recorder = c
	return true
}

// counts reports whether a connection is of a client for whom the session is there.
func (c *conn) counts() bool { return c != c.k.control && !c.record && !c.watch }

func (k *keeper) anyClient() bool {
	for _, c := range k.clients {
		if c.counts() {
			return true
		}
	}
	return false
}

// noteRecorded notes how far the recording is. That a recorder asks for what follows does not say
// that it has written what comes before.
func (k *keeper) noteRecorded(c *conn, m *wire.Message) {
	if c == k.recorder {
		k.written[m.Stream] = max(k.written[m.Stream], m.Offset)
	}
}

// unrecordable ends a session that has to be recorded and cannot be.
func (k *keeper) unrecordable(why string) {
	k.end(session.PolicyEnded, why)
	if k.phase == draining {
		k.abandon(session.PolicyEnded, why)
	}
	k.unwritable, k.recorded = true, true // nobody waits for the rest of it
	for s := range k.written {
		k.written[s] = ^uint64(0)
	}
}

// recordResize tells the recorder the size of the terminal.
func (k *keeper) recordResize() {
	if k.recorder != nil {
		k.recorder.pending = wire.Append(k.recorder.pending,
			&wire.Message{Type: wire.Resize, Rows: k.cfg.Rows, Cols: k.cfg.Cols})
	}
}

// recordsInput reports whether input is to be in the recording.
func (k *keeper) recordsInput() bool { return k.cfg.Recorded && k.cfg.Input && !k.unwritable }

// inputWaits reports whether the program gets no input now, as the recorder has not taken what
// it got before.
func (k *keeper) inputWaits() bool {
	return k.recordsInput() && (k.recorder == nil || k.recorder.gone || len(k.recorder.pending) >= inputSize)
}

// resumeInput gives the program input that has waited for the recorder.
func (k *keeper) resumeInput() {
	for k.recordsInput() && k.in.ring != nil && k.in.took < k.in.ring.end && !k.in.full && !k.inputWaits() {
		k.writeInput()
		k.flush(k.recorder)
	}
}

// echoes reports whether what is typed stands on the screen, too: a secret does not. That is asked
// before the program is given input and after that, as it may turn the echo off meanwhile. What
// comes by a pipe is no typing.
func (k *keeper) echoes() bool {
	if !k.tty() {
		return true
	}
	t, err := unix.IoctlGetTermios(k.in.fd, unix.TCGETS)
	return err == nil && t.Lflag&unix.ECHO != 0
}

// recordInput gives the recorder what the program was given.
func (k *keeper) recordInput(offset uint64, p []byte) {
	for len(p) > 0 {
		n := min(len(p), wire.MaxData)
		k.recorder.pending = wire.Append(k.recorder.pending,
			&wire.Message{Type: wire.Data, Stream: wire.Stdin, Offset: offset, Data: p[:n]})
		offset, p = offset+uint64(n), p[n:]
	}
}

// watching returns how many auditors watch of whom others are told.
func (k *keeper) watching() (n uint64) {
	for _, c := range k.clients {
		if c.tell && !c.gone {
			n++
		}
	}
	return n
}

// tellWatched tells the clients how many auditors watch, and who has come.
func (k *keeper) tellWatched(name string) {
	m := wire.Message{Type: wire.Watched, Number: k.watching(), Data: []byte(name)}
	for _, c := range k.clients {
		if c.hello && c.counts() && !c.gone {
			c.pending = wire.Append(c.pending, &m)
		}
	}
}

// end returns the offset of the next byte of an output.
func (o *output) end() uint64 {
	if o.ring == nil {
		return 0
	}
	return o.ring.end
}
