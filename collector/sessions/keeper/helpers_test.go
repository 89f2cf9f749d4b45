package keeper

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
)

// attach runs a client to the end of the session, while f does something with it.
func attach(t testing.TB, k *kept, f func(c *client.Session)) (string, session.Exit) {
	t.Helper()
	var out buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out})
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	go f(c)
	exit, err := c.Run(ctx)
	if err != nil {
		t.Error(err)
	}
	return out.String(), exit
}

// state asks the keeper for its state.
func (c *controlConn) state(t testing.TB) wire.State {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(wire.Append(nil, &wire.Message{Type: wire.Ping, Number: 1})); err != nil {
		t.Fatal(err)
	}
	var s wire.State
	for {
		m, err := c.r.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch m.Type {
		case wire.Status:
			if s, err = wire.ParseStatus(m.Data); err != nil {
				t.Fatal(err)
			}
		case wire.Pong:
			return s
		case wire.Exit:
			t.Fatal("the session has ended")
		}
	}
}

// privateMemory returns how many bytes of a process are its own. Its program's text is not: all
// keepers of a node share it.
func privateMemory(t testing.TB, pid int) (bytes int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Anonymous:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			bytes += n << 10
		}
	}
	return bytes
}
