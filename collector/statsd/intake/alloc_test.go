//go:build !race

package intake

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// The path from the socket to the handler does not allocate.
func TestAllocations(t *testing.T) {
	var count atomic.Int64
	in, _ := start(t, Options{Workers: 1, Handle: func(_ int, b []Packet) { count.Add(int64(len(b))) }})
	l := listenUDP(t, in, UDP{OriginalPort: true})
	path := filepath.Join(t.TempDir(), "s")
	if _, err := in.ListenUnixgram(Unix{Path: path}); err != nil {
		t.Fatal(err)
	}
	stream := filepath.Join(t.TempDir(), "s")
	if _, err := in.ListenUnixStream(Unix{Path: stream}); err != nil {
		t.Fatal(err)
	}
	line := []byte("a:1|c\n")
	for network, address := range map[string]string{"udp": at(l), "unixgram": path, "unix": stream} {
		c := dial(t, network, address)
		send := func() {
			want := count.Load() + 1
			if _, err := c.Write(line); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(10 * time.Second); count.Load() < want; time.Sleep(50 * time.Microsecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: %d of %d packets came", network, count.Load(), want)
				}
			}
		}
		send()
		if n := testing.AllocsPerRun(200, send); n != 0 {
			t.Errorf("%s: %v allocations a packet", network, n)
		}
	}
}
