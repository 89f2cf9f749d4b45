package fluentd

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// server is a receiver that answers chunks as told.
type server struct {
	l      net.Listener
	chunks chan chunk
	answer atomic.Pointer[func(c net.Conn, id string) bool] // false closes the connection
}

// chunk is what came in one message.
type chunk struct {
	tag     string
	entries int
	ids     []string // of records
}

func listen(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{l: l, chunks: make(chan chunk, 100)}
	s.set(acknowledge)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close() })
	return s
}

func (s *server) set(f func(net.Conn, string) bool) { s.answer.Store(&f) }

func acknowledge(c net.Conn, id string) bool {
	c.Write(msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), id))
	return true
}

func (s *server) serve(c net.Conn) {
	defer c.Close()
	in := msgp.NewReader(c)
	for {
		got, id, err := readChunk(in)
		if err != nil {
			return
		}
		s.chunks <- got
		if !(*s.answer.Load())(c, id) {
			return
		}
	}
}

// readChunk reads a CompressedPackedForward message.
func readChunk(in *msgp.Reader) (c chunk, id string, err error) {
	if n, err := in.ReadArrayHeader(); err != nil || n != 3 {
		return c, "", fmt.Errorf("%d parts: %w", n, err)
	}
	if c.tag, err = in.ReadString(); err != nil {
		return c, "", err
	}
	packed, err := in.ReadBytes(nil)
	if err != nil {
		return c, "", err
	}
	options := map[string]any{}
	if err := in.ReadMapStrIntf(options); err != nil {
		return c, "", err
	}
	id, _ = options["chunk"].(string)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return c, id, err
	}
	entries, err := io.ReadAll(z)
	for len(entries) > 0 && err == nil {
		if _, entries, err = msgp.ReadArrayHeaderBytes(entries); err != nil {
			break
		}
		if _, entries, err = msgp.ReadIntfBytes(entries); err != nil { // the time
			break
		}
		var v any
		if v, entries, err = msgp.ReadIntfBytes(entries); err == nil {
			c.entries++
			c.ids = append(c.ids, v.(map[string]any)["id"].(string))
		}
	}
	return c, id, err
}

func open(t *testing.T, c Config) sink.Sink {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// L-A21: without the right acknowledgement there is no progress, and a chunk goes out again
// on a new connection.
func TestLA21Acknowledgements(t *testing.T) {
	srv := listen(t)
	s := open(t, Config{Address: srv.l.Addr().String(), AckWithin: sink.Duration(500e6)})
	delivered := func(want bool) {
		t.Helper()
		batch := testlog.Records(0, 7)
		res := s.Write(t.Context(), batch)
		if want != (res.Err == nil && len(res.Retry) == 0) || !want && len(res.Retry) != 7 {
			t.Errorf("want %v: %+v", want, res)
		}
		if got := <-srv.chunks; got.entries != 7 || got.tag != "daytwo" || got.ids[6] != batch[6].ID {
			t.Errorf("%+v", got)
		}
	}
	delivered(true)
	srv.set(func(net.Conn, string) bool { return false }) // stopped between send and ack
	delivered(false)
	srv.set(acknowledge)
	delivered(true)
	srv.set(func(c net.Conn, id string) bool { return acknowledge(c, id+"=trailing") })
	delivered(false)
	srv.set(func(net.Conn, string) bool { return true }) // hangs
	delivered(false)
	srv.set(func(c net.Conn, _ string) bool { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); return true })
	delivered(false)
	srv.set(func(c net.Conn, id string) bool { acknowledge(c, id); return false }) // closed between two chunks
	delivered(true)
	srv.set(acknowledge)
	delivered(true)
	srv.l.Close()
	s2 := open(t, Config{Address: srv.l.Addr().String()})
	if res := s2.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 {
		t.Errorf("nobody listens: %+v", res)
	}
}

func TestTags(t *testing.T) {
	srv := listen(t)
	s := open(t, Config{Address: srv.l.Addr().String(), Tag: "d2.{agent}.{identifier}"})
	batch := append(testlog.Records(0, 2), testlog.Event(), testlog.Record(5, "x"))
	if res := s.Write(t.Context(), batch); res.Err != nil {
		t.Fatal(res.Err)
	}
	if a, b := <-srv.chunks, <-srv.chunks; a.tag != "d2.node-1.web" || a.entries != 3 || b.tag != "d2.node-1.daytwo" ||
		b.entries != 1 {
		t.Errorf("%+v %+v", a, b)
	}
	if res := s.Write(t.Context(), testlog.Odd()); res.Err != nil {
		t.Fatal(res.Err)
	}
}

func TestCheck(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Config{{}, {Address: "host"}, {Address: "h:1", User: "u"},
		{Address: "h:1", SharedKey: "/missing"}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	if err := (&Config{Address: "h:1", SharedKey: sink.File(key), User: "u"}).Check(); err != nil {
		t.Error(err)
	}
}

// What a receiver says during the handshake is read without fear.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte("\x92\xa4HELO\x81\xa5nonce\xa1x"))
	f.Add([]byte("\x92\xa4HELO\x82\xa5nonce\xc4\x01x\xa4auth\xa0\x95\xa4PONG\xc3\xa0\xa1s\xa1d"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := &forward{cfg: &Config{Hostname: "d"}, in: msgp.NewReader(bytes.NewReader(said)), conn: discard{}}
		s.in.SetMaxElements(1 << 10)
		s.in.SetMaxStringLength(1 << 20)
		if err := s.shakeHands(); err == nil && !strings.Contains(string(said), "PONG") {
			t.Error("no PONG, and no error")
		}
	})
}

// discard is a connection that takes everything.
type discard struct{ net.Conn }

func (discard) Write(b []byte) (int, error) { return len(b), nil }
