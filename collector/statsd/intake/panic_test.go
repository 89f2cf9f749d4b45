package intake

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A panicking handler stops neither receivers nor workers: more packets than there are
// slots get through.
func TestPanics(t *testing.T) {
	const slots, packets = 16, 200
	var mu sync.Mutex
	over := map[string]int{}
	var handled atomic.Int64
	in, err := New(Options{
		Workers: 1, Slots: slots,
		Handle: func(_ int, batch []Packet) {
			handled.Add(int64(len(batch)))
			panic("handle")
		},
		Panicked: func(what string, value any) {
			mu.Lock()
			defer mu.Unlock()
			over[fmt.Sprint(what, ": ", value)]++
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	path := filepath.Join(t.TempDir(), "s")
	if _, err := in.ListenUnixgram(Unix{Path: path}); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range packets {
		if _, err := c.Write([]byte("a:1|c")); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); handled.Load() < packets; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d packets were handed on", handled.Load())
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(over) != 1 || over["packets: handle"] == 0 {
		t.Errorf("panics: %v", over)
	}
}

// A panic while shedding stops no receiver, and closes only the connection in which it
// occurred.
func TestPanicsWhileShedding(t *testing.T) {
	var over atomic.Int64
	block := make(chan struct{})
	in, err := New(Options{
		Workers: 1, Slots: 2,
		Handle:   func(int, []Packet) { <-block },
		Shed:     func(*Source, int, int, int) { panic("shed") },
		Panicked: func(string, any) { over.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer close(block)
	dir := t.TempDir()
	gram, err := in.ListenUnixgram(Unix{Path: filepath.Join(dir, "gram")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.ListenUnixStream(Unix{Path: filepath.Join(dir, "stream")}); err != nil {
		t.Fatal(err)
	}
	send := func(network, name string) {
		t.Helper()
		c, err := net.Dial(network, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		for range 100 {
			if _, err := c.Write([]byte("a:1|c\n")); err != nil {
				break // the connection is closed
			}
		}
	}
	send("unixgram", "gram")
	send("unix", "stream")
	send("unix", "stream")
	for end := time.Now().Add(10 * time.Second); over.Load() < 3 ||
		gram.Counts().ShedPackets < 90; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d panics, %+v", over.Load(), gram.Counts())
		}
	}
}
