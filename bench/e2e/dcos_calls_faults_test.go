package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// Clients of DC/OS that are slow, or go away.
func TestDCOSCallsFaults(t *testing.T) {
	c, d := newAgentCalls(t, rig.Options{})
	for name, test := range map[string]func(*agentCalls){
		"slow": (*agentCalls).readsSlowly, "half-closed": (*agentCalls).halfCloses, "unread": (*agentCalls).goesAwayUnread,
	} {
		t.Run(name, func(t *testing.T) {
			c := *c
			c.T = t
			test(&c)
		})
	}
	d.Stop(t)
}

// Over TLS clients may speak HTTP/2, in which a body ends in other ways.
func TestDCOSCallsHTTP2(t *testing.T) {
	authority := rig.NewAuthority(t)
	pair := authority.Issue("127.0.0.1", time.Now().Add(time.Hour))
	c, d := newAgentCalls(t, rig.Options{CA: authority.CA, Args: []string{"--tls-cert", pair.Cert, "--tls-key", pair.Key}})
	if resp := c.do("GET", "/healthz", nil, nil); resp.ProtoMajor != 2 {
		t.Fatalf("%s is spoken", resp.Proto)
	}
	for name, test := range map[string]func(*agentCalls){
		"debugged": (*agentCalls).isDebugged, "terminal": (*agentCalls).typesOnTerminal,
		"streams": (*agentCalls).hasStreams, "end": (*agentCalls).endsWell, "one writer": (*agentCalls).hasOneWriter,
		"destroyed": (*agentCalls).isDestroyed, "unread": (*agentCalls).goesAwayUnread, "errors": (*agentCalls).refuses,
	} {
		t.Run(name, func(t *testing.T) {
			c := *c
			c.T = t
			test(&c)
		})
	}
	d.Stop(t)
}

// readsSlowly stops reading for a while: that stops the program, and loses nothing.
func (c *agentCalls) readsSlowly() {
	id := c.id()
	r := c.launched(c.goLaunch(id, false, "sh", "-c", "seq 1 1000000; exit 7"), protobufType)
	time.Sleep(3 * time.Second)
	out, errs := c.goOutput(r, "")
	var want strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintln(&want, i+1)
	}
	if sha256.Sum256([]byte(out)) != sha256.Sum256([]byte(want.String())) || errs != "" {
		c.Errorf("%d bytes of %d, %q", len(out), want.Len(), errs)
	}
	if status, body := c.goWait(id); status != http.StatusOK || body != ended(7<<8) {
		c.Errorf("the end: %d %q", status, body)
	}
}

// halfCloses ends the input long before the program ends.
func (c *agentCalls) halfCloses() {
	id := c.id()
	r := c.launched(c.goLaunch(id, false, "sh", "-c", "cat; sleep 3; echo late; exit 7"), protobufType)
	in := c.goInput(id)
	in.stdin("x\n")
	in.stdin("")
	in.Close()
	in.answered(c)
	waited := make(chan string, 1)
	go func() { // before the end, too
		_, body := c.goWait(id)
		waited <- body
	}()
	if out, _ := c.goOutput(r, ""); out != "x\nlate\n" {
		c.Errorf("%q", out)
	}
	if body := <-waited; body != ended(7<<8) {
		c.Errorf("the end: %q", body)
	}
}

// goesAwayUnread goes away while output waits for it, and input for the program.
func (c *agentCalls) goesAwayUnread() {
	id := c.id()
	mark := fmt.Sprint("y", os.Getpid())
	resp := c.goLaunch(id, false, "yes", mark)
	c.goOutput(c.launched(resp, protobufType), mark)
	in := c.goInput(id)
	go func() {
		for range 1000 {
			in.stdin(strings.Repeat("x", 512))
		}
	}()
	time.Sleep(time.Second)
	began := time.Now()
	resp.Body.Close()
	rig.Eventually(c, 10*time.Second, func() error { return notRunning("yes " + mark) })
	if status, body := c.goWait(id); status != http.StatusOK || body != ended(9) {
		c.Errorf("the end: %d %q", status, body)
	}
	if took := time.Since(began); took > 8*time.Second {
		c.Errorf("it took %v", took)
	}
	in.Close()
	in.answered(c)
}
