package kube

import (
	"encoding/json"
	"io"

	"github.com/daytwo/daytwo/api/session/wire"
)

// maxResize bounds what is read of a message about the terminal's size.
const maxResize = 1024

// receive takes in a message of the client, of any length. What no version of the protocol knows is
// ignored, as Kubernetes does.
func (b *bridge) receive(r io.Reader) error {
	var err error
	switch channel, ok := readByte(r, b.in[:1]); {
	case !ok: // an empty message
	case channel == channelStdin:
		err = b.input(r)
	case channel == channelResize:
		err = b.resize(r)
	case channel == channelClose && b.half:
		if closed, ok := readByte(r, b.in[:1]); ok && closed == channelStdin {
			err = b.endInput()
		}
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return err
}

func readByte(r io.Reader, p []byte) (byte, bool) {
	_, err := io.ReadFull(r, p)
	return p[0], err == nil
}

// input passes input on.
func (b *bridge) input(r io.Reader) error {
	for {
		n, err := r.Read(b.in[:])
		if err := b.sendInput(b.in[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// sendInput sends input as soon as the node has room for it. Until then nothing is read from the
// client.
func (b *bridge) sendInput(p []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(p) > 0 && b.wants[wire.Stdin] && !b.inEnd {
		if b.ended {
			return errEnded
		}
		var n uint64
		if b.started && b.writes && b.room > b.sent {
			n = min(b.room-b.sent, uint64(len(p)), wire.MaxData)
		}
		if n == 0 {
			b.changed.Wait()
			continue
		}
		if err := b.send(&wire.Message{Type: wire.Data, Stream: wire.Stdin, Offset: b.sent, Data: p[:n]}); err != nil {
			return err
		}
		b.sent += n
		p = p[n:]
	}
	return nil
}

// endInput says that input has ended.
func (b *bridge) endInput() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inEnd = true
	return b.tellEnd()
}

// tellEnd tells the node that input has ended, once it may be told. The caller holds the lock.
func (b *bridge) tellEnd() error {
	if !b.inEnd || b.endSent || !b.started || !b.writes || !b.wants[wire.Stdin] {
		return nil
	}
	b.endSent = true
	return b.send(&wire.Message{Type: wire.End, Stream: wire.Stdin, Offset: b.sent})
}

// resize takes in how large the client's terminal is. A message has one document or more, of
// which the last one counts. One that is no size is ignored.
func (b *bridge) resize(r io.Reader) error {
	var size [2]uint16
	for d := json.NewDecoder(io.LimitReader(r, maxResize)); ; {
		var s struct{ Width, Height uint16 }
		if d.Decode(&s) != nil {
			break
		}
		if s.Width > 0 && s.Height > 0 {
			size = [2]uint16{s.Height, s.Width}
		}
	}
	if size == [2]uint16{} {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size == [2]uint16{} {
		close(b.sized)
	}
	b.size = size
	return b.tellSize()
}

// tellSize tells the node the terminal's size, once it may be told. The caller holds the lock.
func (b *bridge) tellSize() error {
	if b.size == b.sizeSent || b.size == [2]uint16{} || !b.started || !b.writes {
		return nil
	}
	b.sizeSent = b.size
	return b.send(&wire.Message{Type: wire.Resize, Rows: b.size[0], Cols: b.size[1]})
}
