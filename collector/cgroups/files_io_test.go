package cgroups

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
	"golang.org/x/sys/unix"
)

// errV2Keeps is the reason to skip a test that is only about v1.
var errV2Keeps = errors.New("cgroup v2 keeps what removed children did")

// countIO makes v1 count the io of g on a disk, which it does only below a throttle
// limit.
func countIO(g *group, dev Device) {
	for _, file := range []string{"blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"} {
		g.write(file, fmt.Sprintf("%d:%d 10000000000", dev.Major, dev.Minor))
	}
}

// ioSums holds groups whose reads from a disk v1 adds up.
type ioSums struct {
	t            *testing.T
	dir          string // a directory on the disk
	dev          Device
	top, stay, a *group
	b            *group // below a
	files        *files
	s            Snapshot
}

// startIOSums reads 2 MiB in stay, 2 MiB in a, and 4 MiB in b.
func startIOSums(t *testing.T) *ioSums {
	t.Helper()
	l := layout(t)
	if l.IO < 0 || l.v2(l.IO) {
		rig.KernelLacks(t, rig.CgroupV1("blkio"), errV2Keeps)
	}
	g := &ioSums{t: t, dir: t.TempDir()}
	var st unix.Stat_t
	if err := unix.Stat(g.dir, &st); err != nil {
		t.Fatal(err)
	}
	if g.dev = (Device{unix.Major(st.Dev), unix.Minor(st.Dev)}); g.dev.Major == 0 {
		rig.Missing(t, "a disk", g.dir+" is not on a block device", "set TMPDIR to a directory on a disk")
	}
	g.top = makeGroup(t, l, "carry")
	countIO(g.top, g.dev)
	g.stay, g.a = g.top.child("stay"), g.top.child("a")
	g.b = g.a.child("b")
	g.files = openFiles(t, l)
	for _, at := range []*group{g.stay, g.a, g.b, g.b} {
		g.write(at)
	}
	return g
}

// write starts a process in a group that writes 2 MiB to the disk and reads them.
func (g *ioSums) write(at *group) {
	g.t.Helper()
	p, err := load.Start(load.Work{Cgroups: []string{at.dir(at.l.IO)}, File: filepath.Join(g.dir, "f"), Size: 2 << 20})
	if err != nil {
		g.t.Fatal(err)
	}
	defer p.Stop()
	if err := p.Wait(); err != nil {
		g.t.Fatal(err)
	}
}

// read returns the bytes read that files shows for a group.
func (g *ioSums) read(at *group) int64 {
	readAll(g.t, g.files, &g.s)
	return ioRows(at, &g.s)[g.dev][metric.IOReadBytes]
}

// text returns the bytes read that the kernel's text shows for top.
func (g *ioSums) text() int64 {
	raw, err := os.ReadFile(g.top.dir(g.top.l.IO) + "/blkio.throttle.io_service_bytes_recursive")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, d := range parseBlkio(raw, metric.IOReadBytes, metric.IOWriteBytes, metric.IODiscardBytes, nil) {
		if d.dev == g.dev {
			return d.raw[metric.IOReadBytes]
		}
	}
	return 0
}

func (g *ioSums) check(what string, want int64) {
	g.t.Helper()
	if got := g.read(g.top); got != want {
		g.t.Errorf("%s: shown %d, want %d (the kernel has %d)", what, got, want, g.text())
	}
}

// forgotten waits until the kernel has taken n bytes of removed groups out of its sum,
// which was the value was. It reads all the while.
func (g *ioSums) forgotten(n, was, shown int64) {
	g.t.Helper()
	// The kernel frees a removed group when its last page is written back, which a busy
	// disk delays.
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		g.check("while the kernel forgets", shown)
		if g.text() == was-n {
			g.check("the kernel has forgotten", shown)
			return
		}
	}
	g.t.Fatalf("the kernel's sum did not step back by %d: %d, now %d", n, was, g.text())
}

func TestFilesIOSums(t *testing.T) {
	g := startIOSums(t)
	all, below := g.read(g.top), g.read(g.a)
	if all < 8<<20 || below < 6<<20 || below >= all {
		t.Fatalf("8 MiB are read, 6 of them in a and b: shown %d and %d", all, below)
	}
	from, to := g.b.dir(g.b.l.IO), g.a.dir(g.a.l.IO)+"/c"
	for _, names := range [][2]string{{from, to}, {to, from}} {
		if err := os.Rename(names[0], names[1]); err != nil {
			t.Fatal(err)
		}
		g.check("after a rename", all)
	}
}

// The recursive sums of v1 lose the io of a removed child. Those of files do not, and
// they include new io of other groups at once, even before v1's sum has caught up.
func TestFilesIOOfRemovedChildren(t *testing.T) {
	g := startIOSums(t)
	before, was := g.read(g.top), g.text()
	g.b.remove()
	g.forgotten(4<<20, was, before)
	was = g.text()
	g.write(g.stay)
	g.check("b is gone, stay reads on", before+g.text()-was)
	before, was = g.read(g.top), g.text()
	g.a.remove()
	g.forgotten(2<<20, was, before)
}

func TestFilesIOOfChildrenRemovedTogether(t *testing.T) {
	g := startIOSums(t)
	before, was := g.read(g.top), g.text()
	g.b.remove()
	g.a.remove()
	g.forgotten(6<<20, was, before)
}
