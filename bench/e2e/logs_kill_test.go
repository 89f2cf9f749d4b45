package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// What three tasks print, and services send to journald, reaches commands that follow, a
// stream that is resumed by Last-Event-ID, and a sink, each line once and in order, while a
// NATS server of its own is killed and stands still, and the relay, the collector and
// journald are killed. 'make faults-soak' does it twenty times, for longer and with three
// times the lines.
func TestLogsSurviveKillsOfAll(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		journald := rig.StartJournald(t, "")
		journald.Kill()
		journald.HoldSocket()
		journald.Restart()
		c := newCluster(t)
		nats := rig.StartNATS(t, filepath.Join(c.dir, "nats"), c.nats)
		file, sinks := filepath.Join(c.dir, "shipped.json"), filepath.Join(c.dir, "sinks.yaml")
		config := fmt.Sprintf("sinks:\n  - name: file\n    file: {path: %s, max_size: 50GiB}\n"+
			"    filter: {identifier: [load]}\n", file)
		if err := os.WriteFile(sinks, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		collector := rig.Start(t, rig.Options{Program: "collector",
			Args: []string{"--nats", "nats://" + c.nats, "--interval", "500ms", "--no-bpf", "--ship-logs"}})
		relay := rig.StartReady(t, rig.Options{Program: "relay",
			Args: []string{"--nats", "nats://" + c.nats, "--sinks", sinks}})
		past(t, relay.Relay, 2, rig.Ready)
		h := &logHosts{T: t, journald: journald, collector: collector, relay: relay}

		w := newTaskLoad(t, 3)
		services := newServices(t)
		tallies := map[string]*tally{}
		for name, args := range map[string][]string{
			"json":  {"task", "log", "-f", "--all", "-o", "json", "load-*"},
			"cat":   {"log", "-f", "--all", "-o", "cat", "--task", "load-*"},
			"short": {"task", "log", "-f", "--all", "-o", "short", "load-*", "stdout"},
		} {
			tallies[name] = newTally(h.follow(t, args...).lines, name)
		}
		tallies["Last-Event-ID"] = newTally(resumed(t, relay.Relay), "json")
		others := h.follow(t, "log", "-f", "--all", "-o", "json", "SYSLOG_IDENTIFIER=native", "SYSLOG_IDENTIFIER=syslog")
		var sent []string // of the services, as it comes
		var reading sync.WaitGroup
		reading.Go(func() {
			for line := range others.lines {
				sent = append(sent, line)
			}
		})
		more := func(what string) {
			t.Helper()
			begun, to := time.Now(), w.written()
			for name, tally := range tallies {
				rig.Eventually(t, 60*time.Second, func() error { return tally.reached(name, to) })
			}
			t.Logf("%s: all have the lines of before, %v in all, after %v", what, w.total(), time.Since(begun))
		}
		time.Sleep(2 * time.Second)
		more("at first")
		rounds, kills, still := rig.SoakRounds(), 3, 20*time.Second // kills of journald, in each round
		if rounds == 0 {
			rounds, kills, still = 1, 1, 8*time.Second
		}
		for range rounds {
			nats.Kill()
			time.Sleep(time.Second)
			nats.Restart()
			more("NATS was killed")
			nats.Signal(syscall.SIGSTOP)
			time.Sleep(still)
			nats.Signal(syscall.SIGCONT)
			more("NATS stood still")
			relay.Kill()
			relay.Restart(t)
			more("the relay was killed")
			collector.Kill()
			time.Sleep(time.Second)
			collector.Restart(t)
			more("the collector was killed")
			for range kills {
				journald.Kill()
				journald.Restart()
				more("journald was killed")
				time.Sleep(300 * time.Millisecond)
			}
		}
		services.stop()
		w.stop()
		journald.Sync()
		more("at the end")

		tallies["json"].mu.Lock()
		again := tallies["json"].again
		tallies["json"].mu.Unlock()
		for name, tally := range tallies {
			tally.mu.Lock()
			structured := name == "json" || name == "Last-Event-ID"
			if tally.again != again || structured && tally.events["journald_died"] < kills*rounds {
				t.Errorf("%s: %d lines came again, and %d are marked so; events %v", name, tally.again, again, tally.events)
			}
			t.Logf("%s: %d lines, %d again, events %v", name, w.total(), tally.again, tally.events)
			tally.mu.Unlock()
		}
		w.shipped(t, file)
		rig.Eventually(t, 30*time.Second, func() error {
			for _, name := range []string{"native", "syslog"} {
				var want []string
				for _, e := range journald.Entries("SYSLOG_IDENTIFIER=" + name) {
					want = append(want, fmt.Sprint(e["MESSAGE"]))
				}
				out, _, _ := h.run("log", "--all", "-o", "cat", "SYSLOG_IDENTIFIER="+name)
				if got := strings.Split(strings.TrimSuffix(out, "\n"), "\n"); !slices.Equal(got, want) {
					return fmt.Errorf("%s: %d lines, and journalctl has %d", name, len(got), len(want))
				}
				t.Logf("%s: the journal has %d lines of %d", name, len(want), services.sent[name].Load())
			}
			return nil
		})
		time.Sleep(time.Second)
		others.stop()
		reading.Wait()
		services.check(t, journald, sent, kills*rounds)
		collector.Stop(t)
		relay.Stop(t)
	})
}

// taskLoad is tasks whose output log pipes write to journald.
type taskLoad struct {
	lines []atomic.Int64 // that were written, by task
	ended sync.WaitGroup
	end   chan struct{}
}

func newTaskLoad(t *testing.T, tasks int) *taskLoad {
	t.Helper()
	w := &taskLoad{lines: make([]atomic.Int64, tasks), end: make(chan struct{})}
	pause := 30 * time.Millisecond
	if rig.SoakRounds() > 0 {
		pause = 10 * time.Millisecond
	}
	for i := range tasks {
		name := fmt.Sprintf("load-%d", i)
		cmd := exec.Command(rig.Binary(t), "log-pipe", "--identifier", "load", "--label", "task_name="+name,
			"--label", "task_id="+name, "--label", "container_id="+strings.Repeat(strconv.Itoa(i+1), 64))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		p := rig.StartProcess(t, cmd)
		w.ended.Go(func() {
			defer func() { <-p.Ended() }()
			defer in.Close()
			var b strings.Builder
			for {
				select {
				case <-w.end:
					return
				case <-time.After(pause):
				}
				b.Reset()
				n := w.lines[i].Load()
				for k := range int64(10) {
					fmt.Fprintf(&b, "%s %d\n", name, n+k)
				}
				if _, err := io.WriteString(in, b.String()); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				w.lines[i].Add(10)
			}
		})
	}
	return w
}

// stop ends the tasks, and waits until journald has all that they wrote.
func (w *taskLoad) stop() {
	close(w.end)
	w.ended.Wait()
}

func (w *taskLoad) written() (n []int64) {
	for i := range w.lines {
		n = append(n, w.lines[i].Load())
	}
	return n
}

func (w *taskLoad) total() (n int64) {
	for _, k := range w.written() {
		n += k
	}
	return n
}

// shipped fails unless a sink's file gets each line once or more, in order, and each under
// an id of its own.
func (w *taskLoad) shipped(t *testing.T, file string) {
	t.Helper()
	rig.Eventually(t, 60*time.Second, func() error {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		next, ids, again, resent := map[string]int64{}, map[string]string{}, 0, 0
		for line := range strings.Lines(string(b)) {
			var r struct{ ID, Message, Event string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				return fmt.Errorf("%w in %q", err, line)
			}
			task, number, ok := lineOf(r.Message)
			switch m, had := ids[r.ID]; {
			case !ok: // an event, or a report
			case had && m != r.Message:
				t.Errorf("%q and %q have the same id", m, r.Message)
			case had:
				again++
			case number < next[task] && strings.Contains(line, "LINE_RESENT"):
				resent++
			case number != next[task]:
				t.Errorf("shipped: %s %d, want %d", task, number, next[task])
			default:
				next[task]++
			}
			ids[r.ID] = r.Message
		}
		for i, n := range w.written() {
			if got := next[fmt.Sprintf("load-%d", i)]; got != n {
				return fmt.Errorf("shipped: %d lines of %d", got, n)
			}
		}
		t.Logf("shipped: %d lines, %d again after faults, %d that log pipes sent again", w.total(), again, resent)
		return nil
	})
}

// lineOf returns the task and the number in a line of a load.
func lineOf(message string) (task string, number int64, ok bool) {
	task, text, _ := strings.Cut(message, " ")
	number, err := strconv.ParseInt(text, 10, 64)
	return task, number, err == nil && strings.HasPrefix(task, "load-")
}

// tally counts the lines of a load that a follower gets.
type tally struct {
	mu     sync.Mutex
	next   map[string]int64
	again  int // lines that came again because log pipes sent them again
	events map[string]int
	err    error // the first line that was not to come
}

func newTally(lines <-chan string, format string) *tally {
	a := &tally{next: map[string]int64{}, events: map[string]int{}}
	go func() {
		for line := range lines {
			a.mu.Lock()
			a.take(strings.TrimSuffix(line, "\n"), format)
			a.mu.Unlock()
		}
	}()
	return a
}

func (a *tally) take(line, format string) {
	message, marked := line, true
	switch {
	case format == "json":
		var all map[string]any
		if err := json.Unmarshal([]byte(line), &all); err != nil {
			a.fail("%v in %.200q", err, line)
			return
		}
		if event, _ := all["event"].(string); event != "" {
			a.events[event]++
			return
		}
		fields, ok := all["fields"].(map[string]any)
		if !ok {
			fields = all
		}
		message, _ = fields["MESSAGE"].(string)
		_, marked = fields["LINE_RESENT"]
	case format == "short" && strings.HasPrefix(line, "-- "):
		a.events[strings.Fields(line)[1]]++
		return
	case format == "short":
		_, message, _ = strings.Cut(line, "]: ")
	}
	if strings.HasPrefix(message, "daytwo: ") || strings.HasPrefix(message, "===> ") || message == "" {
		return // a report of a log pipe, or a header
	}
	task, number, ok := lineOf(message)
	switch next := a.next[task]; {
	case !ok:
		a.fail("%.200q", line)
	case number == next:
		a.next[task]++
	case number < next && marked:
		a.again++
	default:
		a.fail("%s %d, want %d", task, number, next)
	}
}

func (a *tally) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf(format, args...)
	}
}

// reached returns an error unless so many lines of each task have come.
func (a *tally) reached(name string, to []int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, n := range to {
		if got := a.next[fmt.Sprintf("load-%d", i)]; got < n {
			return fmt.Errorf("%s: line %d of task %d, want %d; %w; events %v", name, got, i, n, a.err, a.events)
		}
	}
	if a.err != nil {
		return fmt.Errorf("%s: %w", name, a.err)
	}
	return nil
}

// resumed follows tasks over HTTP, and goes on with the header Last-Event-ID whenever the
// stream breaks, as browsers do. It returns the data of entries and events.
func resumed(t *testing.T, relay rig.API) <-chan string {
	lines, last := make(chan string, 100), ""
	ended := make(chan struct{})
	ctx := t.Context()
	go func() {
		defer close(ended)
		defer close(lines)
		for ctx.Err() == nil {
			last = sseOnce(ctx, relay, "/api/v1/logs?follow=1&since=-1h&task=load-*", last, lines)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { <-ended })
	return lines
}

// services send lines to journald by its native protocol and as syslog(3) does. They do not
// wait for what journald has taken.
type services struct {
	sent  map[string]*atomic.Int64
	ended sync.WaitGroup
	end   chan struct{}
}

func newServices(t *testing.T) *services {
	s := &services{sent: map[string]*atomic.Int64{}, end: make(chan struct{})}
	for name, format := range map[string]string{
		"native": "MESSAGE=native %d\nSYSLOG_IDENTIFIER=native\n", "syslog": "<14>Jan  1 00:00:00 syslog: syslog %d",
	} {
		path, sent := rig.JournaldSocket, new(atomic.Int64)
		if name == "syslog" {
			path = filepath.Join(filepath.Dir(path), "dev-log")
		}
		s.sent[name] = sent
		s.ended.Go(func() {
			var c net.Conn
			for {
				select {
				case <-s.end:
					if c != nil {
						c.Close()
					}
					return
				case <-time.After(2 * time.Millisecond):
				}
				var err error
				if c == nil {
					if c, err = net.Dial("unixgram", path); err != nil {
						c = nil
						continue
					}
				}
				if _, err := fmt.Fprintf(c, format, sent.Load()); err != nil {
					c.Close()
					c = nil
					continue
				}
				sent.Add(1)
			}
		})
	}
	return s
}

func (s *services) stop() {
	close(s.end)
	s.ended.Wait()
}

// check fails unless a follower has got exactly the lines that journald has written, in
// order, and events where it was killed.
func (s *services) check(t *testing.T, d *rig.Journald, lines []string, kills int) {
	t.Helper()
	got, died := map[string][]string{}, 0
	for _, line := range lines {
		var e struct {
			Event, MESSAGE string
			Name           string `json:"SYSLOG_IDENTIFIER"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%v in %.200q", err, line)
		}
		if e.Event == "journald_died" {
			died++
		}
		if e.Event == "" {
			got[e.Name] = append(got[e.Name], e.MESSAGE)
		}
	}
	for name := range s.sent {
		var want []string
		for _, e := range d.Entries("SYSLOG_IDENTIFIER=" + name) {
			want = append(want, fmt.Sprint(e["MESSAGE"]))
		}
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: the follower has %d lines, and journald has written %d", name, len(got[name]), len(want))
		}
	}
	if died < kills {
		t.Errorf("%d events that journald died, which it did %d times", died, kills)
	}
}
