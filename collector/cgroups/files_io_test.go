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

// errV2Keeps says why a test is about v1 alone.
var errV2Keeps = errors.New("cgroup v2 keeps what removed children did")

// countIO makes v1 count a disk's io: it does so only below a throttle limit.
func countIO(g *group, dev Device) {
	for _, file := range []string{"blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"} {
		g.write(file, fmt.Sprintf("%d:%d 10000000000", dev.Major, dev.Minor))
	}
}

// v1's recursive sums lose what a child did when the child goes; ours do not,
// and what others do meanwhile is counted.
func TestFilesIOOfRemovedChildren(t *testing.T) {
	l := layout(t)
	if l.IO < 0 || l.v2(l.IO) {
		rig.KernelLacks(t, rig.CgroupV1("blkio"), errV2Keeps)
	}
	dir := t.TempDir()
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	dev := Device{unix.Major(st.Dev), unix.Minor(st.Dev)}
	if dev.Major == 0 {
		rig.Missing(t, "a disk", dir+" is not on a block device", "set TMPDIR to a directory on a disk")
	}
	top := makeGroup(t, l, "carry")
	countIO(top, dev)
	stay := top.child("stay")
	a := top.child("a")
	b := a.child("b")
	write := func(g *group) {
		p, err := load.Start(load.Work{Cgroups: []string{g.dir(l.IO)}, File: filepath.Join(dir, "f"), Size: 2 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	f := openFiles(t, l)
	var s Snapshot
	read := func(g *group) int64 {
		readAll(t, f, &s)
		return ioRows(g, &s)[dev][metric.IOReadBytes]
	}
	for _, g := range []*group{stay, a, b, b} {
		write(g)
	}
	before := read(top)
	if before < 8<<20 {
		t.Fatalf("read 8 MiB, shown %d", before)
	}
	if got := read(a); got < 6<<20 || got >= before {
		t.Fatalf("of them 6 MiB in a and b, shown %d of %d", got, before)
	}
	text := func() int64 {
		raw, err := os.ReadFile(top.dir(l.IO) + "/blkio.throttle.io_service_bytes_recursive")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parseBlkio(raw, metric.IOReadBytes, metric.IOWriteBytes, metric.IODiscardBytes, nil) {
			if d.dev == dev {
				return d.raw[metric.IOReadBytes]
			}
		}
		return 0
	}
	check := func(what string, want int64) {
		t.Helper()
		if got := read(top); got != want {
			t.Errorf("%s: shown %d, want %d (the kernel has %d)", what, got, want, text())
		}
	}
	// forgotten waits until the kernel has taken n bytes of removed groups out
	// of its sum, reading all the while.
	forgotten := func(n, shown int64) {
		t.Helper()
		was := text()
		// A dead group leaves when its last page is written back, which a busy disk delays.
		for range 6000 {
			check("while the kernel forgets", shown)
			if text() == was-n {
				check("the kernel has forgotten", shown)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("the kernel's sum did not step back by %d: %d, now %d", n, was, text())
	}
	// Rename moves nothing.
	if err := os.Rename(b.dir(l.IO), a.dir(l.IO)+"/c"); err != nil {
		t.Fatal(err)
	}
	check("after a rename", before)
	if err := os.Rename(a.dir(l.IO)+"/c", b.dir(l.IO)); err != nil {
		t.Fatal(err)
	}
	check("after the rename back", before)
	b.remove()
	forgotten(4<<20, before)
	// The sum goes on at once, not only after it has caught up.
	was := text()
	write(stay)
	check("b is gone, stay reads on", before+text()-was)
	now := read(top)
	a.remove()
	forgotten(2<<20, now)
	// Both in one go.
	a.make()
	b.make()
	write(b)
	now = read(top)
	b.remove()
	a.remove()
	forgotten(2<<20, now)
}
