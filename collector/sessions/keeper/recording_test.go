package keeper

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
)

// record connects as a recorder.
func (k *kept) record(t testing.TB, name string) *controlConn {
	t.Helper()
	conn, err := net.Dial("unix", k.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	h := wire.Hello{Record: true, Client: name}
	if _, err := conn.Write(wire.AppendAttach(nil, &h)); err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &controlConn{conn, wire.NewReader(conn, 4096)}
}

func (c *controlConn) send(t testing.TB, m *wire.Message) {
	t.Helper()
	if _, err := c.Write(wire.Append(nil, m)); err != nil {
		t.Fatal(err)
	}
}

// A session that has to be recorded ends if nobody records it, or the recorder cannot.
func TestWithoutRecorder(t *testing.T) {
	for name, detach := range map[string]bool{"it never comes": false, "it cannot write": true} {
		t.Run(name, func(t *testing.T) {
			k := start(t, spec{Args: []string{"/bin/sh", "-c", "echo begun; sleep 100"},
				Config: Config{Recorded: true, Limits: session.Limits{Detached: time.Second}}})
			control := k.control(t)
			if detach {
				r := k.record(t, "r")
				if m, err := r.r.Next(); err != nil || m.Type != wire.Started {
					t.Fatalf("%+v, %v", m, err)
				}
				r.send(t, &wire.Message{Type: wire.Detach})
			}
			ended := make(chan session.Exit, 1)
			go func() {
				_, exit := attach(t, k, func(*client.Session) {})
				ended <- exit
			}()
			exit := control.exit(t, 20*time.Second)
			if exit.Reason != session.PolicyEnded || exit.Code == 0 {
				t.Errorf("%+v", exit)
			}
			if exit := <-ended; exit.Reason != session.PolicyEnded {
				t.Errorf("the client: %+v", exit)
			}
			k.wait(t, 10*time.Second)
		})
	}
}

// What the recorder has not taken stops the program, though a client takes everything, and though
// no recorder is connected. Credits may be for what it has from elsewhere. There is one at a time.
func TestRecorderHolds(t *testing.T) {
	k := start(t, spec{Args: []string{"/bin/sh", "-c", "yes | head -c 4000000; sleep 1"},
		Config: Config{Recorded: true, Limits: session.Limits{Detached: 20 * time.Second}}})
	control := k.control(t)
	var out buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out})
	ended := make(chan session.Exit, 1)
	go func() {
		exit, err := c.Run(context.Background())
		if err != nil {
			t.Error(err)
		}
		ended <- exit
	}()
	length := func() int { return len(out.String()) }
	for range 200 {
		if time.Sleep(10 * time.Millisecond); length() == ringSize {
			break
		}
	}
	time.Sleep(200 * time.Millisecond)
	if length() != ringSize {
		t.Fatalf("%d bytes came without a recorder, want %d", length(), ringSize)
	}
	r := k.record(t, "r")
	if m, err := r.r.Next(); err != nil || m.Type != wire.Started {
		t.Fatalf("%+v, %v", m, err)
	}
	other := k.record(t, "other")
	if m, err := other.r.Next(); err == nil {
		t.Errorf("a second recorder gets %+v", m)
	}
	for at := 0; at < 4_000_000; time.Sleep(5 * time.Millisecond) {
		if n := length(); n > at {
			at = n
			r.send(t, &wire.Message{Type: wire.Credit, Stream: wire.Stdout, Offset: uint64(at)})
		}
	}
	for {
		m, err := r.r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == wire.Data {
			t.Fatalf("%d bytes came that it had", len(m.Data))
		}
		if m.Type == wire.Exit {
			r.send(t, &wire.Message{Type: wire.Done})
			break
		}
	}
	if exit := <-ended; !exit.Success() || out.String() != strings.Repeat("y\n", 2_000_000) {
		t.Errorf("%+v, %d bytes", exit, length())
	}
	control.exit(t, 10*time.Second)
	k.wait(t, 10*time.Second)
}
