package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/bus/embedded"
)

const (
	followLines = 1000
	followIdle  = 20 * time.Second
	followURL   = "http://127.0.0.1:18400"
)

// benchFollow writes to a journald and follows it, through NATS and a relay.
func benchFollow(r *report) error {
	return withJournald(func(d *realJournald) error {
		return withFleet(d, func(f *fleet) error {
			if err := f.latency(r, d); err != nil {
				return err
			}
			return f.idle(r, d)
		})
	})
}

// fleet is a collector in the namespace of a journald, a relay, and between them the NATS
// server of this process.
type fleet struct {
	collector, relay *exec.Cmd
	token            string
}

func withFleet(d *realJournald, body func(*fleet) error) error {
	if daytwoBinary == "" {
		return errors.New("no binary: build daytwo and give -daytwo")
	}
	data, err := os.MkdirTemp("", "daytwo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	srv, err := embedded.Start(embedded.Options{StoreDir: data + "/nats", Listen: "127.0.0.1:14222"})
	if err != nil {
		return err
	}
	defer srv.Close()
	program, err := filepath.Abs(daytwoBinary)
	if err != nil {
		return err
	}
	f := &fleet{}
	common := []string{"--nats", "nats://127.0.0.1:14222", "--log-level", "warn"}
	f.relay = exec.Command(program, append([]string{"relay", "--data", data + "/relay", "--listen",
		strings.TrimPrefix(followURL, "http://")}, common...)...)
	f.collector = d.command(program, append([]string{"collector", "--data", data + "/collector",
		"--metrics", "127.0.0.1:16109", "--agent-id", "bench"}, common...)...)
	for _, cmd := range []*exec.Cmd{f.relay, f.collector} {
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		defer func() {
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		}()
	}
	for range 300 {
		time.Sleep(100 * time.Millisecond)
		if token, err := os.ReadFile(data + "/relay/token"); err == nil {
			f.token = strings.TrimSpace(string(token))
			if out, err := f.client("node", "list").Output(); err == nil && strings.Contains(string(out), "bench") {
				return body(f)
			}
		}
	}
	return errors.New("the collector and the relay did not come up")
}

func (f *fleet) client(args ...string) *exec.Cmd {
	return exec.Command(daytwoBinary, append(args, "--url", followURL, "--token", f.token)...)
}

// latency prints how long a line takes from its writer to who follows it.
func (f *fleet) latency(r *report, d *realJournald) error {
	r.printf("%d lines, a pause of 1 to 60 ms before each, from sendmsg to journald until the whole line is read from "+
		"the follower. What a busy machine adds, it adds to each of five processes.\n\n"+
		"| follower | half within | 99%% within | slowest |\n|---|---:|---:|---:|\n", followLines)
	for _, follower := range []struct {
		name string
		cmd  *exec.Cmd
	}{
		{"daytwo log -f, through collector, NATS and relay", f.client("log", "-f", "-n", "0", "-o", "cat", "BENCH=1")},
		{"journalctl -f, on the node", d.command("journalctl", "-q", "-f", "-n", "0", "-o", "cat", "BENCH=1")},
	} {
		took, err := followed(d, follower.cmd)
		if err != nil {
			return fmt.Errorf("%s: %w", follower.name, err)
		}
		slices.Sort(took)
		r.printf("| %s | %.1f ms | %.1f ms | %.1f ms |\n", follower.name, ms(took[len(took)/2]), ms(took[len(took)*99/100]),
			ms(took[len(took)-1]))
	}
	return nil
}

// followed returns how long each line took to a command that follows.
func followed(d *realJournald, cmd *exec.Cmd) (took []time.Duration, err error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	conn, err := net.Dial("unixgram", d.path("/run/systemd/journal/socket"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	write := func(what string) {
		fmt.Fprintf(conn, "MESSAGE=%s %d\nBENCH=1\n", what, time.Now().UnixNano())
	}
	written := make(chan struct{})
	began := make(chan struct{})
	go func() {
		defer close(written)
		for { // until the follower is there
			write("wait")
			select {
			case <-began:
			case <-time.After(100 * time.Millisecond):
				continue
			}
			break
		}
		for range followLines {
			time.Sleep(time.Duration(1+rand.IntN(60)) * time.Millisecond)
			write("line")
		}
	}()
	timer := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewReader(out)
	for len(took) < followLines {
		text, err := lines.ReadString('\n')
		now := time.Now()
		if err == io.EOF {
			return nil, fmt.Errorf("it ended after %d lines", len(took))
		}
		if err != nil {
			return nil, err
		}
		what, at, _ := strings.Cut(strings.TrimSpace(text), " ")
		ns, err := strconv.ParseInt(at, 10, 64)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %q", text)
		case what == "line":
			took = append(took, now.Sub(time.Unix(0, ns)))
		case began != nil:
			close(began)
			began = nil
		}
	}
	<-written
	return took, nil
}

// idle prints what followers cost while nothing is written, or little.
func (f *fleet) idle(r *report, d *realJournald) error {
	r.printf("\nCPU while nobody writes, or one line a second, in %% of a core over %v; the NATS server runs in a "+
		"process of its own. The first line is what the fleet of one node costs without followers.\n\n"+
		"| followers | lines/s | collector | NATS | relay | a client |\n|---:|---:|---:|---:|---:|---:|\n", followIdle)
	conn, err := net.Dial("unixgram", d.path("/run/systemd/journal/socket"))
	if err != nil {
		return err
	}
	defer conn.Close()
	var clients []*exec.Cmd
	defer func() {
		for _, c := range clients {
			c.Process.Signal(os.Interrupt)
			c.Wait()
		}
	}()
	for _, x := range []struct{ followers, lines int }{{0, 0}, {1, 0}, {1, 1}, {20, 0}, {20, 1}} {
		for len(clients) < x.followers {
			c := f.client("log", "-f", "-n", "0")
			if err := c.Start(); err != nil {
				return err
			}
			clients = append(clients, c)
		}
		time.Sleep(5 * time.Second)
		used := func() (all [4]time.Duration) {
			for i, pid := range []int{f.collector.Process.Pid, os.Getpid(), f.relay.Process.Pid} {
				all[i] = cpuOfProcess(pid)
			}
			if len(clients) > 0 {
				all[3] = cpuOfProcess(clients[0].Process.Pid)
			}
			return all
		}
		before, start := used(), time.Now()
		for time.Since(start) < followIdle {
			time.Sleep(time.Second)
			for range x.lines {
				fmt.Fprintf(conn, "MESSAGE=one of few lines\n")
			}
		}
		after, over := used(), time.Since(start)
		r.printf("| %d | %d |", x.followers, x.lines)
		for i := range after {
			r.printf(" %.2f |", 100*(after[i]-before[i]).Seconds()/over.Seconds())
		}
		r.printf("\n")
	}
	return nil
}
