package publish

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/rig"
)

// A full disk costs frames, which are counted, and nothing else.
func TestFullDisk(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, fullDisk)
}

func fullDisk(t *testing.T) {
	dir := t.TempDir()
	rig.SmallDisk(t, dir, "64k")
	b := newBroker(t)
	o := b.options()
	o.SpoolDir = filepath.Join(dir, "spool")
	o.Frame.Codec = frame.Raw
	p := start(t, o)
	n := newNode(1, 100)
	for range 500 {
		publishTicks(t, p, n, 1)
		eventually(t, "queue", p, func(s Stats) bool { return s.Spooled+s.Dropped == n.b.Seq })
	}
	s := p.Stats()
	if s.Dropped == 0 || s.Spooled == 0 || s.Errors == 0 {
		t.Fatalf("%+v", s)
	}
	spooled := s.Spooled
	// What fitted comes through when NATS is there, and so does what follows.
	b.start().stream()
	eventually(t, "drain", p, func(s Stats) bool { return s.SpoolDepth == 0 && s.InFlight == 0 })
	publishTicks(t, p, n, 5)
	eventually(t, "acks", p, func(s Stats) bool { return s.Acked >= spooled+5 })
	got := b.received()[1]
	if len(got) < int(spooled)+5 || got[len(got)-1] != 505 {
		t.Errorf("%d ticks came, %d were spooled", len(got), spooled)
	}
}

// A collector that is killed leaves a spool that its successor drains.
func TestKilled(t *testing.T) {
	const ticks = 30
	if dir := os.Getenv("DAYTWO_TEST_SPOOL"); dir != "" { // the one that is killed
		o := newBroker(t).options()
		o.SpoolDir = dir
		p := start(t, o)
		n := newNode(1, 20)
		publishTicks(t, p, n, ticks)
		eventually(t, "spool", p, func(s Stats) bool { return s.Spooled == ticks })
		os.Stdout.WriteString("spooled\n")
		time.Sleep(time.Hour)
	}
	b := newBroker(t)
	o := b.options()
	o.SpoolDir = t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "DAYTWO_TEST_SPOOL="+o.SpoolDir, "TMPDIR="+t.TempDir()) // it cannot tidy up
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "spooled"; {
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	b.start().stream()
	p := start(t, o)
	eventually(t, "drain", p, func(s Stats) bool { return s.Acked == ticks && s.SpoolDepth == 0 })
	b.wantAll(1, 1, ticks)
}

// A spool whose disk does not respond blocks neither Publish nor Close; what cannot
// be stored is counted.
func TestSpoolDiskHangs(t *testing.T) {
	b := newBroker(t) // NATS cannot be reached
	disk := rig.NewSlowDisk(t)
	o := b.options()
	o.SpoolDir = disk.Dir
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(1, 20)
	publishTicks(t, p, n, 5)
	eventually(t, "spool", p, func(s Stats) bool { return s.Spooled == 5 })
	disk.Hang()
	began := time.Now()
	publishTicks(t, p, n, 2*queueLen)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d ticks took %v", 2*queueLen, took)
	}
	if s := p.Stats(); s.Dropped < queueLen-1 || s.Frames != 5+2*queueLen {
		t.Errorf("%+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- p.Close(ctx) }()
	select {
	case err := <-closed:
		if err == nil || !strings.Contains(err.Error(), "does not respond") {
			t.Errorf("closed: %v", err)
		}
	case <-time.After(spoolWait + 5*time.Second):
		t.Fatal("Close does not return")
	}
	disk.Resume()
	select {
	case <-p.ended: // before the file system goes
	case <-time.After(10 * time.Second):
		t.Fatal("the sender does not end")
	}
}
