package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/bench/rig"
)

var all = [wire.Streams]bool{true, true, true}

func TestParse(t *testing.T) {
	for query, want := range map[string]string{
		"task=web&command=sh&command=-c&command=l&stdin=1&stdout=1&stderr=true&tty=": "web [sh -c l] true [true true true]",
		"container=db&command=ls&stdout=true&stderr=false&tty=0":                     "db [ls] false [false true false]",
		"task=web&container=main&command=ls&stdout=TRUE&stdin=False":                 "web [ls] false [false true false]",
		"task=web&stdout=1":               "no command",
		"task=web&command=ls":             "at least one of",
		"command=ls&stdout=1":             "has to name a container",
		"task=w&command=a%00&stdout=1":    "zero byte",
		"task=w&command=a&env=b&stdout=1": "NAME=value",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		e, err := parse(q)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(e.Container, e.Command.Args, " ", e.Command.TTY, " ", e.wants)
			got = strings.Replace(got, "[", " [", 1)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if err == nil && (e.Command.Stdin != e.wants[wire.Stdin] || !e.Write || e.Out[wire.Stderr].Window == 0) {
			t.Errorf("%s: %+v", query, e)
		}
	}
}

func TestOffered(t *testing.T) {
	for header, want := range map[string]bool{"": false, "session.v1.daytwo": false, v4: true, "x, " + v5: true,
		"channel.k8s.io": false, "v4.base64.channel.k8s.io": false} {
		r := &http.Request{Header: http.Header{"Sec-Websocket-Protocol": {header}}}
		if Offered(r) != want {
			t.Errorf("%q: %v", header, !want)
		}
	}
}

// Every end that is no success has a status that is no success for any client, with a code that
// is not 0.
func TestStatus(t *testing.T) {
	if s := ofExit(session.Exit{}, 0); s.Status != "Success" || s.Details != nil {
		t.Errorf("%+v", s)
	}
	for r := session.Exited; r <= session.KeeperLost+1; r++ {
		for _, code := range []int{0, 7, 137} {
			if r == session.Exited && code == 0 {
				continue
			}
			s := ofExit(session.Exit{Code: code, Reason: r, Detail: "detail"}, 0)
			if s.Status != "Failure" || len(s.Details.Causes) != 1 || s.Details.Causes[0].Type != "ExitCode" ||
				s.Details.Causes[0].Message == "0" || !strings.Contains(s.Message, "detail") ||
				(s.Reason == exitCode) != (r == session.Exited || r == session.OutOfMemory) {
				t.Errorf("%v: %+v", r, s)
			}
		}
	}
	if s := ofExit(session.Exit{}, 3); s.Status != "Failure" || !strings.Contains(s.Message, "3 bytes") {
		t.Errorf("%+v", s)
	}
	b, err := json.Marshal(ofExit(session.Exit{Code: 7}, 0))
	const want = `{"metadata":{},"status":"Failure","message":"the program ended with code 7",` +
		`"reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	s := ofError(&web.Error{Status: 404, Message: "none"})
	if s.Reason != "NotFound" || s.Code != 404 || s.Message != "none" || s.Details.Causes[0].Message != "125" {
		t.Errorf("%+v", s)
	}
}

// Input waits for room, and everything else for its session: nothing is lost, and nothing grows.
func TestInput(t *testing.T) {
	n := newNode(t)
	b := newBridge(all, true, func([]byte) error { return nil })
	long := strings.Repeat("0123456789abcdef", 5000)
	sent := make(chan error, 1)
	go func() {
		for _, m := range []string{"\x04{\"Width\":203,\"Height\":57}\n", "", "\x09unknown", "\x00" + long, "\x00",
			"\x04nonsense", "\x04{\"Width\":1,\"Height\":2}{\"Width\":70,\"Height\":20}", "\x00end", "\xff\x01", "\xff\x00",
			"\x00after the end"} {
			if err := b.receive(strings.NewReader(m)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	<-b.sized
	b.open(n, 57, 203)
	passed := make(chan error, 1)
	go func() { _, err := b.pass(); passed <- err }()
	time.Sleep(10 * time.Millisecond)
	if in, _ := n.got(); in != "" {
		t.Errorf("%d bytes before the session has started", len(in))
	}
	n.start(1000)
	for room := uint64(1000); room < uint64(len(long)); room += 7000 {
		rig.Eventually(t, 5*time.Second, func() error {
			if in, _ := n.got(); uint64(len(in)) != room {
				return fmt.Errorf("%d bytes with room for %d", len(in), room)
			}
			return nil
		})
		n.mu.Lock()
		n.room = room + 7000
		n.mu.Unlock()
		n.out <- wire.Append(nil, &wire.Message{Type: wire.Credit, Offset: room, Window: 7000})
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if in, ended := n.got(); in != long+"end" || !ended {
		t.Errorf("%d bytes, ended %v", len(in), ended)
	}
	if !slices.Equal(n.sizes, [][2]uint16{{20, 70}}) { // the first one the node has had with the request
		t.Errorf("%v", n.sizes)
	}
	b.end()
	if err := <-passed; err == nil {
		t.Error("no error after the end")
	}
}

// A client that waits for room learns that the session has ended.
func TestInputAtEnd(t *testing.T) {
	b := newBridge(all, true, nil)
	failed := make(chan error, 1)
	go func() { failed <- b.receive(strings.NewReader("\x00more")) }()
	time.Sleep(10 * time.Millisecond)
	b.end()
	if err := <-failed; err != errEnded {
		t.Error(err)
	}
	n := newNode(t)
	b.open(n, 0, 0)
	<-n.closed
}

// Output comes whole and in order, with credit for what was written, then the exit.
func TestOutput(t *testing.T) {
	var out, errs bytes.Buffer
	write := func(p []byte) error {
		if p[0] == channelStdout {
			out.Write(p[1:])
		} else {
			errs.Write(p[1:])
		}
		return nil
	}
	for _, c := range []struct {
		name  string
		wants [wire.Streams]bool
	}{{"all", all}, {"no stderr", [wire.Streams]bool{false, true, false}}} {
		out.Reset()
		errs.Reset()
		n := newNode(t)
		b := newBridge(c.wants, false, write)
		b.open(n, 0, 0)
		n.start(0)
		piece := bytes.Repeat([]byte("x"), wire.MaxData)
		var p []byte
		for i := range 9 {
			m := wire.Message{Type: wire.Data, Stream: wire.Stdout, Offset: uint64(i * wire.MaxData), Data: piece}
			p = wire.Append(p, &m)
			m.Stream = wire.Stderr
			p = wire.Append(p, &m)
		}
		gap := wire.Message{Type: wire.Gap, Stream: wire.Stdout, Offset: 9 * wire.MaxData, To: 10 * wire.MaxData}
		p = wire.Append(p, &gap)
		p = wire.Append(p, &wire.Message{Type: wire.Ping, Number: 3})
		p = wire.Append(p, &wire.Message{Type: 77})
		n.out <- wire.AppendExit(p, &session.Exit{Code: 3})
		exit, err := b.pass()
		if err != nil || exit.Code != 3 || out.Len() != 9*wire.MaxData || b.lost != wire.MaxData ||
			errs.Len() != 0 != c.wants[wire.Stderr] {
			t.Errorf("%s: %+v, %v, %d and %d bytes, %d lost", c.name, exit, err, out.Len(), errs.Len(), b.lost)
		}
		b.farewell()
		want := uint64(10*wire.MaxData + window)
		if n.credit[wire.Stdout] != want || n.credit[wire.Stderr] < want/2 || !n.done {
			t.Errorf("%s: credit %v, done %v", c.name, n.credit, n.done)
		}
	}
}

// A node is not trusted either.
func TestBadOutput(t *testing.T) {
	for name, p := range map[string][]byte{
		"repeats":    wire.Append(nil, &wire.Message{Type: wire.Data, Stream: wire.Stdout, Offset: 1, Data: []byte("x")}),
		"stdin":      wire.Append(nil, &wire.Message{Type: wire.Data, Stream: wire.Stdin, Data: []byte("x")}),
		"gap":        wire.Append(nil, &wire.Message{Type: wire.Gap, Stream: wire.Stdin, To: 5}),
		"half":       wire.Append(nil, &wire.Message{Type: wire.Ping, Number: 1 << 40})[:3],
		"malformed":  {1, 1, 9},
		"bad start":  {7, 1, 0},
		"bad exit":   {8, 1, 0},
		"bad writer": {13, 0},
	} {
		n := newNode(t)
		b := newBridge(all, true, func([]byte) error { return nil })
		b.open(n, 0, 0)
		n.out <- p
		if _, err := b.pass(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
