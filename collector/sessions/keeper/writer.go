package keeper

import "github.com/daytwo/daytwo/api/session/wire"

// claim makes a client the one that writes, if nobody connected does or it takes it.
func (k *keeper) claim(c *conn, take bool) {
	if !c.write || c.writes() {
		return
	}
	for _, other := range k.clients {
		if other.writes() && !other.gone && !take {
			return
		}
	}
	k.setWriter(c)
}

// setWriter makes a client the one that writes, or nobody, and tells all.
func (k *keeper) setWriter(c *conn) {
	k.writer, k.name = "", ""
	if c != nil {
		k.writer, k.name = c.id, c.name
	}
	for _, c := range k.clients {
		if c.hello && c != k.control {
			c.pending = wire.AppendWriter(c.pending, k.writerMessage(c))
		}
	}
	k.creditInput(true)
}

// leave is what a client does that detaches: another one may write.
func (k *keeper) leave(c *conn) {
	if c.writes() {
		k.setWriter(nil)
	}
}

func (k *keeper) writerMessage(c *conn) *wire.Write {
	w := &wire.Write{You: c.writes(), Name: k.name}
	if k.in.ring != nil {
		w.Offset = k.in.ring.end
	}
	return w
}

// creditInput tells the writer how much input was taken, when that is worth a message.
func (k *keeper) creditInput(always bool) {
	in := &k.in
	if in.ring == nil || !always && in.took-in.told < stdinSize/4 {
		return
	}
	for _, c := range k.clients {
		if c.hello && c.writes() {
			in.told = in.took
			c.pending = wire.Append(c.pending, &wire.Message{Type: wire.Credit, Stream: wire.Stdin, Offset: in.took,
				Window: stdinSize})
		}
	}
}
