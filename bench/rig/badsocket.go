package rig

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// BadSockets are unix sockets of servers that are of no use, by what they do: mute
// accepts and never answers, drip answers one byte a second, endless answers without
// an end. Each speaks enough HTTP/1.1 for a client to wait for more.
func BadSockets(t testing.TB) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bad") // t.TempDir's paths may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sockets := map[string]string{}
	for name, answer := range map[string]func(net.Conn){"mute": mute, "drip": drip, "endless": endless} {
		sockets[name] = filepath.Join(dir, name)
		listenBadly(t, sockets[name], answer)
	}
	return sockets
}

// listenBadly answers every connection until the test ends.
func listenBadly(t testing.TB, path string, answer func(net.Conn)) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []net.Conn
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
			served.Go(func() { answer(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range all {
			c.Close()
		}
		mu.Unlock()
		served.Wait()
	})
}

const badHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

// mute reads, so that the client can send all it likes.
func mute(c net.Conn) { io.Copy(io.Discard, c) }

func drip(c net.Conn) {
	go io.Copy(io.Discard, c)
	for i := 0; ; i++ {
		b := byte(' ')
		if i < len(badHead) {
			b = badHead[i]
		}
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func endless(c net.Conn) {
	go io.Copy(io.Discard, c)
	_, err := io.WriteString(c, badHead+"[")
	for err == nil {
		_, err = io.WriteString(c, `{"Id":"00","Action":"start","Actor":{"ID":"00"}},`)
	}
}
