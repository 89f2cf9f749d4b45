package keeper

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/bench/rig"
)

// A keeper has at most 2 MiB of its own some seconds after whatever went through it.
func TestMemory(t *testing.T) {
	k := start(t, sh("seq 1 2000000; seq 1 2000000 >&2; echo; while read x; do echo $x; done; "+
		"seq 1 300000; seq 1 300000 >&2").stdin())
	control := k.control(t)
	var last buffer
	var out, errs int
	c := client.New(client.Options{Dial: k.dial("alice", true),
		Stdout: writerFunc(func(p []byte) (int, error) { out += len(p); return last.Write(p[max(0, len(p)-100):]) }),
		Stderr: writerFunc(func(p []byte) (int, error) { errs += len(p); return len(p), nil })})
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(t.Context())
		done <- err
	}()
	for i := range 5000 {
		fmt.Fprintf(c, "line %d\n", i)
	}
	last.until(t, "line 4999")
	// Clients come and go.
	for i := range 60 {
		conn, err := k.dial("bob", false)(t.Context(), client.Resume{Client: fmt.Sprint("bob", i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	rig.Eventually(t, 5*time.Second, func() error {
		if n := control.state(t).Clients; n != 1 {
			return fmt.Errorf("%d clients", n)
		}
		return nil
	})
	rig.Eventually(t, 3*reapFor, func() error {
		got := privateMemory(t, k.cmd.Process.Pid)
		if got > 2<<20 {
			return fmt.Errorf("%d KiB", got>>10)
		}
		t.Logf("%d KiB after %d bytes of output", got>>10, out+errs)
		return nil
	})
	c.CloseWrite()
	if err := <-done; err != nil {
		t.Error(err)
	}
	control.exit(t, 5*time.Second)
	k.wait(t, 5*time.Second)
}
