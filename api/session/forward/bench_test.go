package forward

import (
	"io"
	"net"
	"testing"
)

// BenchmarkThroughput is one connection, over a pair of sockets in place of the session.
func BenchmarkThroughput(b *testing.B) {
	port := listen(b, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	f := newFixture(b, port)
	c := f.dial(port)
	chunk := make([]byte, 1<<20)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
}

// BenchmarkRequest is one connection with one request.
func BenchmarkRequest(b *testing.B) {
	port := listen(b, "127.0.0.1:0", upper)
	f := newFixture(b, port)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.ask(port, "x"); err != nil {
			b.Fatal(err)
		}
		<-f.errs
	}
}
