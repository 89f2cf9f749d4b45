package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
)

const (
	shortRuns   = 200
	echoKeys    = 1000
	bulkBytes   = 1 << 30
	manySession = 500
)

// short prints how long a command takes that does nothing.
func (f *sessionFleet) short(r *report) error {
	r.printf("`/bin/true` in one container of Docker (podman: one of its own), %d times one after another. "+
		"A command line includes the start of its client.\n\n| by | half within | 99%% within | slowest |\n"+
		"|---|---:|---:|---:|\n", shortRuns)
	row := func(name string, once func() error) error {
		took, err := repeated(shortRuns, once)
		if err != nil {
			r.printf("| %s | failed: %v | | |\n", name, err)
			return nil
		}
		r.printf("| %s | %.1f ms | %.1f ms | %.1f ms |\n", name, ms(took[len(took)/2]), ms(took[len(took)*99/100]),
			ms(took[len(took)-1]))
		return nil
	}
	command := session.Command{Args: []string{"/bin/true"}}
	nodes, err := rpc.NewClient(f.nats, "default")
	if err != nil {
		return err
	}
	defer nodes.Close()
	node, err := f.viaNode(nodes, command)
	if err != nil {
		return err
	}
	for _, d := range []struct {
		name string
		dial dialer
	}{{"daytwo, on the node (a grant by NATS)", node}, {"daytwo, through the relay", f.viaRelay(command)}} {
		if err := row(d.name, func() error { return success(run(d.dial)) }); err != nil {
			return err
		}
	}
	for _, p := range f.peers() {
		if err := row("`"+p.name+"`", func() error { return p.cmd("/bin/true").Run() }); err != nil {
			return err
		}
	}
	return nil
}

func success(exit session.Exit, err error) error {
	if err == nil && !exit.Success() {
		err = fmt.Errorf("%s", exit.String())
	}
	return err
}

// repeated returns how long each call took, sorted.
func repeated(n int, once func() error) (took []time.Duration, err error) {
	for range n {
		begun := time.Now()
		if err := once(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took, nil
}

// bulk prints how fast a command's output comes.
func (f *sessionFleet) bulk(r *report) error {
	r.printf("\nBulk output: %d MiB of zeros by `dd bs=64k`. CPU is of all processes that take part, the container's "+
		"and the client's included.\n\n| by | MB/s | CPU s a GB |\n|---|---:|---:|\n", bulkBytes>>20)
	args := []string{"dd", "if=/dev/zero", "bs=64k", "count=" + strconv.Itoa(bulkBytes/(64<<10)), "status=none"}
	row := func(name string, once func() (int64, error)) {
		before, begun := machineCPU(), time.Now()
		n, err := once()
		took, cpu := time.Since(begun), machineCPU()-before
		if err == nil && n != bulkBytes {
			err = fmt.Errorf("%d bytes came", n)
		}
		if err != nil {
			r.printf("| %s | failed: %v | |\n", name, err)
			return
		}
		r.printf("| %s | %.0f | %.2f |\n", name, float64(n)/1e6/took.Seconds(), cpu.Seconds()/(float64(n)/1e9))
	}
	row("daytwo, through the relay, to a client in Go", func() (int64, error) {
		return f.count(f.viaRelay(session.Command{Args: args}))
	})
	for _, p := range f.peers()[:5] {
		row("`"+p.name+"`", func() (n int64, err error) {
			cmd := p.cmd(args...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				return 0, err
			}
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				return 0, err
			}
			n, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{out}, make([]byte, 256<<10))
			if e := cmd.Wait(); err == nil {
				err = e
			}
			return n, err
		})
	}
	return nil
}

// count runs a session and counts its output.
func (f *sessionFleet) count(d dialer) (n int64, err error) {
	ctx, cancel := timeout()
	defer cancel()
	s := sessionclient.New(sessionclient.Options{Dial: d, Stderr: os.Stderr,
		Stdout: writer(func(p []byte) (int, error) { n += int64(len(p)); return len(p), nil })})
	err = success(s.Run(ctx))
	return n, err
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// machineCPU returns the CPU time that the machine has used.
func machineCPU() (d time.Duration) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, field := range strings.Fields(line)[1:] {
		n, _ := strconv.ParseInt(field, 10, 64)
		if i != 3 && i != 4 && i != 7 { // idle, waiting, taken by other machines
			d += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return d
}

// echo prints how long a key takes until its echo is there.
func (f *sessionFleet) echo(r *report) error {
	r.printf("\nKeystrokes: %d single keys on a terminal, 2 ms apart, each until the kernel's echo of it has come back. "+
		"The first line is the terminal alone, without any of daytwo.\n\n| by | half within | 99%% within |\n"+
		"|---|---:|---:|\n",
		echoKeys)
	cat := session.Command{Args: []string{"sh", "-c", "echo ready; cat >/dev/null"}, TTY: true, Stdin: true}
	nodes, err := rpc.NewClient(f.nats, "default")
	if err != nil {
		return err
	}
	defer nodes.Close()
	node, err := f.viaNode(nodes, cat)
	if err != nil {
		return err
	}
	row := func(name string, took []time.Duration, err error) {
		if err != nil {
			r.printf("| %s | failed: %v | |\n", name, err)
			return
		}
		r.printf("| %s | %.2f ms | %.2f ms |\n", name, ms(took[len(took)/2]), ms(took[len(took)*99/100]))
	}
	took, err := echoOfCommand(exec.Command("sh", "-c", cat.Args[2]))
	row("a terminal of the machine", took, err)
	took, err = echoOfSession(node)
	row("daytwo, on the node, by NATS", took, err)
	took, err = echoOfSession(f.viaRelay(cat))
	row("daytwo, through the relay", took, err)
	took, err = echoOfCommand(f.c.dockerCommand("exec", "-it", f.c.docker, "sh", "-c", cat.Args[2]))
	row("`docker exec -it`", took, err)
	return nil
}

// echoOfSession types into a session.
func echoOfSession(d dialer) ([]time.Duration, error) {
	ctx, cancel := timeout()
	defer cancel()
	out := make(chan []byte, 16)
	s := sessionclient.New(sessionclient.Options{Dial: d,
		Stdout: writer(func(p []byte) (int, error) { out <- slices.Clone(p); return len(p), nil })})
	ended := make(chan error, 1)
	go func() { ended <- success(s.Run(ctx)); close(out) }()
	took, err := echoes(s, out)
	_, _ = s.Write([]byte{4})
	_, _ = s.Write([]byte{'\n', 4})
	if err != nil {
		cancel()
		<-ended
		return nil, err
	}
	return took, <-ended
}

// echoes types keys.
func echoes(keys io.Writer, out <-chan []byte) (took []time.Duration, err error) {
	for got := ""; !strings.Contains(got, "ready"); {
		p, ok := <-out
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		got += string(p)
	}
	time.Sleep(100 * time.Millisecond)
	for range echoKeys {
		time.Sleep(2 * time.Millisecond)
		begun := time.Now()
		if _, err := keys.Write([]byte{'x'}); err != nil {
			return nil, err
		}
		for p := range out {
			if strings.Contains(string(p), "x") {
				break
			}
		}
		took = append(took, time.Since(begun))
		if len(took)%200 == 0 { // a terminal's line has a limit
			_, _ = keys.Write([]byte{'\n'})
			<-out
		}
	}
	slices.Sort(took)
	return took, nil
}

// many prints what sessions need that wait.
func (f *sessionFleet) many(r *report) error {
	pids := func() []string {
		found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		return slices.DeleteFunc(found, func(p string) bool {
			b, _ := os.ReadFile(p)
			return !strings.HasPrefix(string(b), "daytwo-session\x00")
		})
	}
	relay, node := memoryOf(f.relay.Process.Pid), memoryOf(f.collector.Process.Pid)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready, ended := make(chan struct{}, manySession), make(chan error, manySession)
	begun := time.Now()
	d := f.viaRelay(session.Command{Args: []string{"sh", "-c", "echo ready; exec cat"}, TTY: true, Stdin: true})
	for range manySession {
		go func() {
			said := false
			s := sessionclient.New(sessionclient.Options{Dial: d, Stdout: writer(func(p []byte) (int, error) {
				if !said {
					said = true
					ready <- struct{}{}
				}
				return len(p), nil
			})})
			exit, err := s.Run(ctx)
			ended <- success(exit, err)
		}()
	}
	for range manySession {
		select {
		case <-ready:
		case err := <-ended:
			return fmt.Errorf("a session of many: %w", err)
		case <-time.After(2 * time.Minute):
			return fmt.Errorf("not all of %d sessions were opened", manySession)
		}
	}
	took := time.Since(begun)
	time.Sleep(2 * time.Second)
	var keepers int64
	all := pids()
	for _, p := range all {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		keepers += memoryOf(pid)
	}
	relayUsed, nodeUsed := memoryOf(f.relay.Process.Pid)-relay, memoryOf(f.collector.Process.Pid)-node
	r.printf("\n%d sessions at once, each with a terminal and a client, were all open after %.1f s. Private memory, "+
		"beside what the programs had before:\n\n| where | in all | a session |\n|---|---:|---:|\n", len(all), took.Seconds())
	for _, m := range []struct {
		where string
		bytes int64
	}{{"relay", relayUsed}, {"collector", nodeUsed}, {"keepers", keepers}} {
		r.printf("| %s | %.1f MiB | %.0f KiB |\n", m.where, float64(m.bytes)/(1<<20),
			float64(m.bytes)/1024/float64(len(all)))
	}
	cancel()
	for range manySession {
		<-ended
	}
	return f.killAll()
}

// killAll ends all sessions.
func (f *sessionFleet) killAll() error {
	ctx, cancel := timeout()
	defer cancel()
	all, err := f.relayClient.Sessions(ctx)
	if err != nil {
		return err
	}
	for _, s := range all.Sessions {
		if s.Exit == nil {
			_ = f.relayClient.KillSession(ctx, s.Agent, s.Session) // it may just have ended
		}
	}
	return nil
}

// memoryOf returns the bytes of memory that a process shares with no other one.
func memoryOf(pid int) (n int64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(b)) {
		var kb int64
		if rest, ok := strings.CutPrefix(line, "Private_"); ok {
			if _, value, ok := strings.Cut(rest, ":"); ok {
				_, _ = fmt.Sscan(value, &kb)
			}
			n += kb << 10
		}
	}
	return n
}
