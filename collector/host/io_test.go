package host

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// diskOf returns the name of the disk that a directory is on, without a partition.
func diskOf(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	node, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(node + "/partition"); err == nil {
		node = filepath.Dir(node)
	}
	return filepath.Base(node), nil
}

func TestKernelCountsWrites(t *testing.T) {
	dir := "/disk" // a disk of the virtual machine that runs the tests
	if os.Getenv("DAYTWO_VM") == "" {
		dir = t.TempDir()
	}
	disk, err := diskOf(dir)
	if err != nil {
		rig.Missing(t, "a disk", dir+": "+err.Error(), "set TMPDIR to a directory on a disk")
	}
	r := open(t, Options{})
	before := shoot(r, metric.Disk).vals[disk]
	if before == nil {
		t.Fatalf("%s is not among the disks", disk)
	}
	const size = 8 << 20
	start := time.Now()
	f := must(os.OpenFile(filepath.Join(dir, "file"), os.O_CREATE|os.O_WRONLY, 0o600))
	defer os.Remove(f.Name())
	defer f.Close()
	must(f.Write(make([]byte, size)))
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	after := shoot(r, metric.Disk).vals[disk]
	took := time.Since(start)
	rose := func(c int) int64 { return after[c] - before[c] }
	if d := rose(metric.DiskWrittenBytes); d < size || d%512 != 0 {
		t.Errorf("%s: %d bytes written, %d expected at least", disk, d, size)
	}
	if rose(metric.DiskWrites) <= 0 {
		t.Errorf("%s: no write", disk)
	}
	// A disk cannot be busy for longer than the elapsed time, except for rounding to ms.
	if d := rose(metric.DiskIOTime); d < 0 || d > int64(took)+20_000_000 {
		t.Errorf("%s: busy for %v in %v", disk, time.Duration(d), took)
	}
	if after[metric.DiskFlushes] != metric.Absent && rose(metric.DiskFlushes) < 0 {
		t.Errorf("%s: flushes fell", disk)
	}
}
