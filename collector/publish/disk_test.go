package publish

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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

// shortPatience makes a disk count as hanging after a second until the test ends.
func shortPatience(t *testing.T) {
	was := diskPatience
	diskPatience = time.Second
	t.Cleanup(func() { diskPatience = was })
}

// While the disk of the spool hangs, frames are sent as if there were no spool. Once it
// responds, what it holds is sent too, and nothing that was counted as stored is lost.
func TestSendBesideHangingDisk(t *testing.T) {
	shortPatience(t)
	b := newBroker(t) // NATS cannot be reached yet
	disk := rig.NewSlowDisk(t)
	o := b.options()
	o.SpoolDir = disk.Dir
	p := start(t, o)
	n := newNode(1, 20)
	publishTicks(t, p, n, 5)
	eventually(t, "spool", p, func(s Stats) bool { return s.Spooled == 5 })
	disk.Hang()
	publishTicks(t, p, n, 1) // waits for the disk
	b.start().stream()
	rig.Eventually(t, 30*time.Second, func() error {
		publishTicks(t, p, n, 1)
		if s := p.Stats(); s.Acked < 10 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	sent := p.Stats()
	disk.Resume()
	publishTicks(t, p, n, 5)
	eventually(t, "the spool is drained", p, func(s Stats) bool {
		return s.SpoolDepth == 0 && s.InFlight == 0 && s.Acked+s.Dropped >= n.b.Seq && !p.waiting.Load()
	})
	came := map[uint64]bool{}
	for _, seq := range b.received()[1] {
		came[seq] = true
	}
	for seq := range uint64(6) {
		if !came[seq+1] {
			t.Errorf("tick %d, which was in the spool or on its way to it, did not come", seq+1)
		}
	}
	if lost := n.b.Seq - uint64(len(came)); lost != p.Stats().Dropped || lost > sent.Dropped {
		t.Errorf("%d ticks did not come, counted are %d, before the disk responded %d", lost, p.Stats().Dropped, sent.Dropped)
	}
}

// A publisher starts beside a disk that hangs, and uses the spool once it responds.
func TestStartBesideHangingDisk(t *testing.T) {
	shortPatience(t)
	b := newBroker(t)
	b.start().stream()
	disk := rig.NewSlowDisk(t)
	o := b.options()
	o.SpoolDir = disk.Dir
	disk.Hang()
	p := start(t, o)
	n := newNode(1, 20)
	publishTicks(t, p, n, 3)
	eventually(t, "acks", p, func(s Stats) bool { return s.Acked == 3 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	disk.Resume()
	rig.Eventually(t, 10*time.Second, func() error {
		if p.waiting.Load() {
			return errors.New("the spool is not open")
		}
		return nil
	})
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
}
