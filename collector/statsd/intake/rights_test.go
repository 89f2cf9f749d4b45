package intake

import (
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Descriptors that a sender attaches are not accepted: they would use up ours, and
// closing one may block forever. The sender's credentials still arrive.
func TestNoDescriptorsAreReceived(t *testing.T) {
	var packets, known atomic.Int64
	in, err := New(Options{Workers: 1, Handle: func(_ int, batch []Packet) {
		for _, p := range batch {
			if p.Source.PID == uint32(os.Getpid()) {
				known.Add(1)
			}
		}
		packets.Add(int64(len(batch)))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	dir := t.TempDir()
	if _, err := in.ListenUnixgram(Unix{Path: filepath.Join(dir, "gram")}); err != nil {
		t.Fatal(err)
	}
	if _, err := in.ListenUnixStream(Unix{Path: filepath.Join(dir, "stream")}); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stream, err := net.Dial("unix", filepath.Join(dir, "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	gram, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"}) // unbound
	if err != nil {
		t.Fatal(err)
	}
	defer gram.Close()
	for range 5 {
		rights := unix.UnixRights(int(w.Fd()), int(w.Fd()))
		if _, _, err := stream.(*net.UnixConn).WriteMsgUnix([]byte("a:1|c\n"), rights, nil); err != nil {
			t.Fatal(err)
		}
		to := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "gram")}
		if _, _, err := gram.WriteMsgUnix([]byte("a:1|c"), rights, to); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); packets.Load() < 6; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d packets", packets.Load())
		}
	}
	// Once our descriptors are closed, the pipe's other end is closed, so reading it
	// ends.
	w.Close()
	r.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := r.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("a descriptor was taken: %v", err)
	}
	if known.Load() != packets.Load() {
		t.Errorf("of %d packets the sender of %d is known", packets.Load(), known.Load())
	}
}
