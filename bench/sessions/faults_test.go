package sessions

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/bench/rig"
)

// talk prints, copies its input, and ends with a code of its own.
const talk = "seq 1 20000; cat; sleep 1.$(($$ % 5)); seq 1 20000; exit 33"

// Whatever is cut while sessions run, each has the right output and the code of its program, or
// says that nobody knows it; none is a success, and no byte is lost or doubled (S-A4).
func TestCutSessions(t *testing.T) {
	n := 40
	if rounds := rig.SoakRounds(); rounds > 0 {
		n = 50 * rounds
	}
	s := newSplit(t)
	before := s.used()
	for _, c := range []struct {
		name string
		rest time.Duration // between two faults, at most
		cut  func()
	}{
		{"client", 250 * time.Millisecond, s.toRelay.Drop},
		{"relay's NATS", 2 * time.Second, s.relayNATS.Drop},
		{"node's NATS", 2 * time.Second, s.agentNATS.Drop},
		{"NATS server", 2 * time.Second, func() { s.nats.Kill(); s.nats.Restart() }},
		{"collector", time.Second, func() { s.collector.Kill(); s.collector.Restart(s) }},
		{"relay", time.Second, func() { s.relay.Kill(); s.relay.Restart(s) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.with(t).cut(t, n/5, "http://"+s.toRelay.Address, c.rest, c.cut)
		})
		s.works()
	}
	s.givesBack(before)
}

// cut runs sessions, three at once, while something is cut again and again.
func (f *fixture) cut(t *testing.T, n int, url string, rest time.Duration, cut func()) {
	ran := filepath.Join(t.TempDir(), "ran") // which sessions have run, by their own word
	var lines strings.Builder
	for i := range 20000 {
		fmt.Fprintln(&lines, i+1)
	}
	input := strings.Repeat("some input\n", 10000)
	want := lines.String() + input + lines.String()
	ended := make(chan struct{})
	var cutting, work sync.WaitGroup
	cuts := 0
	cutting.Go(func() {
		for ; ; cuts++ {
			select {
			case <-ended:
				return
			case <-time.After(rest/4 + rand.N(rest)):
			}
			cut()
		}
	})
	var mu sync.Mutex
	known, refusals := 0, map[string]int{}
	for range 3 {
		work.Go(func() {
			for range (n + 2) / 3 {
				var out, errs, id string
				var status int
				// One that was not opened, with a sentence that says why, is tried again.
				for begun := time.Now(); time.Since(begun) < 40*time.Second; time.Sleep(100 * time.Millisecond) {
					id = session.NewID()
					out, errs, status = f.finish(f.commandAt(url, "task", "exec", "-i", f.task, "sh", "-c",
						"echo "+id+" >>"+ran+"; "+talk), input)
					b, _ := os.ReadFile(ran)
					if times := strings.Count(string(b), id); times > 1 || times > 0 && status == 1 {
						t.Errorf("a session with status %d was run %d times: %s", status, times, errs)
					}
					if status != 1 || out != "" || errs == "" {
						break
					}
					mu.Lock()
					refusals[strings.TrimSpace(errs)]++
					mu.Unlock()
				}
				switch {
				case status == 33 && out == want:
					mu.Lock()
					known++
					mu.Unlock()
				case status == 33 || status == 0:
					t.Errorf("status %d with %d bytes, want %d: %s", status, len(out), len(want), errs)
				case status != 255 || errs == "" || !strings.HasPrefix(want, out):
					t.Errorf("status %d with %d bytes: %s", status, len(out), errs)
				default:
					t.Logf("status %d after %d bytes: %s", status, len(out), strings.TrimSpace(errs))
				}
			}
		})
	}
	work.Wait()
	close(ended)
	cutting.Wait()
	t.Logf("%d of %d codes are known after %d cuts; not opened: %v", known, (n+2)/3*3, cuts, refusals)
	if cuts == 0 || known < n*9/10 {
		t.Errorf("%d codes of %d are known after %d cuts", known, n, cuts)
	}
}

// A connection that is there and passes nothing is noticed within two intervals of pings, and
// the session goes on over another one; it does so too after its program has ended while the
// node was out of reach.
func TestHalfOpen(t *testing.T) {
	s := newSplit(t)
	const every = 500 * time.Millisecond
	open := func(t *testing.T, script string) (*sessionclient.Session, *rig.Buffer, chan time.Time, chan error) {
		out, lost, done := new(rig.Buffer), make(chan time.Time, 100), make(chan error, 1)
		c := sessionclient.New(sessionclient.Options{Stdout: out, PingEvery: every,
			Dial: s.dial(session.Command{Args: []string{"sh", "-c", script}, Stdin: true}),
			Lost: func(error) { lost <- time.Now() }})
		go func() {
			exit, err := c.Run(t.Context())
			if err == nil && exit != (session.Exit{Code: 21}) {
				err = fmt.Errorf("it ended with %+v", exit)
			}
			done <- err
		}()
		rig.Eventually(t, 20*time.Second, func() error {
			if !strings.Contains(out.String(), "ready") {
				return fmt.Errorf("%q", out.String())
			}
			return nil
		})
		return c, out, lost, done
	}
	ends := func(t *testing.T, done chan error) {
		t.Helper()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(60 * time.Second):
			t.Error("the session does not end")
		}
	}
	t.Run("client", func(t *testing.T) {
		c, out, lost, done := open(t, "echo ready; cat; exit 21")
		s.toRelay.Set(rig.Hang)
		begun := time.Now()
		fmt.Fprintln(c, "typed into nothing")
		if took := (<-lost).Sub(begun); took > 3*every+2*time.Second {
			t.Errorf("it was noticed after %v", took)
		} else {
			t.Logf("noticed after %v", took)
		}
		s.toRelay.Drop()
		s.toRelay.Set(rig.Pass)
		c.CloseWrite()
		ends(t, done)
		if out.String() != "ready\ntyped into nothing\n" {
			t.Errorf("%q", out.String())
		}
	})
	t.Run("node", func(t *testing.T) {
		_, out, _, done := open(t, "echo ready; sleep 2; seq 1 50000; exit 21")
		s.agentNATS.Set(rig.Hang)
		time.Sleep(4 * time.Second) // it ends meanwhile
		s.agentNATS.Set(rig.Pass)
		ends(t, done)
		if got := out.String(); !strings.HasSuffix(got, "\n49999\n50000\n") || strings.Count(got, "\n") != 50001 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// A session in which nothing happens outlives a firewall that ends idle connections (S-A14).
func TestIdleConnections(t *testing.T) {
	s := newSplit(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.relay.Relay.URL, "http://"), ":")
	address := idleCut(t, "127.0.0.1:"+port, 2*time.Second)
	out, lost := new(rig.Buffer), 0
	c := sessionclient.New(sessionclient.Options{Stdout: out, PingEvery: 500 * time.Millisecond,
		Dial: s.dialAt("http://"+address, session.Command{Args: []string{"cat"}, Stdin: true}), Lost: func(error) { lost++ }})
	done := make(chan error, 1)
	go func() {
		exit, err := c.Run(t.Context())
		if err == nil && !exit.Success() {
			err = fmt.Errorf("%+v", exit)
		}
		done <- err
	}()
	time.Sleep(8 * time.Second)
	fmt.Fprintln(c, "still there")
	c.CloseWrite()
	if err := <-done; err != nil || out.String() != "still there\n" || lost > 0 {
		t.Errorf("%v, %q, %d connections were lost", err, out.String(), lost)
	}
}

// Clients that take no output stop their programs, and nothing grows; their connections live, and
// everything arrives once they go on.
func TestReaderThatNeverReads(t *testing.T) {
	s := newSplit(t)
	const clients, size = 8, 50 << 20
	before := s.memory()
	goOn := make(chan struct{})
	var work sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for range clients {
		work.Go(func() {
			n, lost := 0, 0
			c := sessionclient.New(sessionclient.Options{PingEvery: time.Second, Lost: func(error) { lost++ },
				Dial: s.dial(session.Command{Args: []string{"head", "-c", fmt.Sprint(size), "/dev/zero"}}),
				Stdout: writer(func(p []byte) (int, error) {
					if n > 0 {
						<-goOn
					}
					n += len(p)
					return len(p), nil
				})})
			if exit, err := c.Run(ctx); err != nil || !exit.Success() || n != size || lost > 0 {
				t.Errorf("%+v, %v, %d bytes, %d connections were lost", exit, err, n, lost)
			}
		})
	}
	time.Sleep(6 * time.Second)
	after := s.memory()
	for name, bytes := range after {
		if grown := bytes - before[name]; grown > clients*4<<20 {
			t.Errorf("%s has %d KiB more", name, grown>>10)
		} else {
			t.Logf("%s: %d KiB more", name, grown>>10)
		}
	}
	close(goOn)
	work.Wait()
}

// Many sessions are opened at once.
func TestManyAtOnce(t *testing.T) {
	n := 50
	if rig.SoakRounds() > 0 {
		n = 500
	}
	s := newSplit(t)
	before := s.used()
	var work sync.WaitGroup
	begun := time.Now()
	for i := range n {
		work.Go(func() {
			out := new(rig.Buffer)
			c := sessionclient.New(sessionclient.Options{Stdout: out,
				Dial: s.dial(session.Command{Args: []string{"sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i%100)}})})
			if exit, err := c.Run(t.Context()); err != nil || exit != (session.Exit{Code: i % 100}) ||
				out.String() != fmt.Sprintln(i) {
				t.Errorf("session %d: %+v, %v, %q", i, exit, err, out.String())
			}
		})
	}
	work.Wait()
	t.Logf("%d sessions at once took %v", n, time.Since(begun))
	s.givesBack(before)
}
