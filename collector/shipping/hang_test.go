package shipping

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stall passes connections on to an address, and stops to read from them while on is set,
// as a server does that hangs.
func stall(t *testing.T, address string, on *atomic.Bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close() })
	copyTo := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buf := make([]byte, 4096)
		for {
			for on.Load() && ctx.Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			n, err := from.Read(buf)
			if _, e := to.Write(buf[:n]); err != nil || e != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				c.Close()
				continue
			}
			context.AfterFunc(ctx, func() { c.Close(); server.Close() })
			go copyTo(server, c)
			go copyTo(c, server)
		}
	}()
	return l.Addr().String()
}

// A server that hangs in mid-stream holds nobody who asks for Stats or closes, and gets
// everything once it goes on.
func TestNATSHangs(t *testing.T) {
	b := newBroker(t).start().stream()
	var hangs atomic.Bool
	real := b.addr
	b.addr = stall(t, real, &hangs)
	src := newSource()
	src.numbers("u", 10_000)
	o := b.options(src)
	o.AckTimeout = 200 * time.Millisecond
	s := start(t, o)
	s.stored(10_000)
	hangs.Store(true)
	src.numbers("u", 90_000)
	s.until("no acknowledgement", func(st Stats) bool { return st.Errors > 0 && st.InFlight > 0 && st.Lag > 0 })
	hangs.Store(false)
	s.stored(100_000)
	repeated := b.once(100_000)
	t.Logf("%d entries were shipped twice", repeated)

	// Until the connection's buffers are full, too.
	hangs.Store(true)
	big := strings.Repeat("x", 1000)
	lines := make([]line, 20_000)
	for i := range lines {
		lines[i] = line{unit: "u", text: big + strings.Repeat(string(rune('a'+i%26)), i%500), priority: 6}
	}
	src.write(lines...)
	s.until("a full window", func(st Stats) bool { return st.Read > 100_000 && st.InFlight > 0 })
	s.end()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	before := time.Now()
	_ = s.Close(ctx)
	if d := time.Since(before); d > 10*time.Second {
		t.Errorf("closing took %v", d)
	}
	hangs.Store(false)
}
