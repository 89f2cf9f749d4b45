package host

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

// Files of a large machine are larger than the first buffer.
func TestLargeFile(t *testing.T) {
	o := tree(t, "old")
	var stat strings.Builder
	const cpus = 4096
	for i := range cpus {
		fmt.Fprintf(&stat, "cpu%d 1 2 3 4 5 6 7 8 9 %d\n", i, i)
	}
	fmt.Fprintf(&stat, "intr 7%s\nctxt 11\n", strings.Repeat(" 0", 1<<20))
	write(t, o.Proc+"/stat", stat.String())
	r := open(t, o)
	s := shoot(r, metric.CPU)
	if len(s.ids) != cpus {
		t.Fatalf("%d CPUs", len(s.ids))
	}
	if v := s.vals["4095"]; v[metric.CoreUser] != tickNs || v[metric.CoreGuestNice] != 4095*tickNs {
		t.Errorf("the last CPU: %v", v)
	}
	if v := shoot(r, metric.Host).vals[""]; v[metric.HostContextSwitches] != 11 ||
		v[metric.HostInterrupts] != 7 || v[metric.HostCPUs] != cpus {
		t.Errorf("ctxt %d, intr %d, %d CPUs", v[metric.HostContextSwitches], v[metric.HostInterrupts], v[metric.HostCPUs])
	}
}

// A file that never ends must not use up all memory.
func TestFileIsBounded(t *testing.T) {
	path := t.TempDir() + "/endless"
	write(t, path, "x")
	if err := os.Truncate(path, maxText+1); err != nil {
		t.Fatal(err)
	}
	f := newFile(path)
	defer f.close()
	buf := make([]byte, 64<<10)
	if text := f.read(&buf); text != nil || f.errno != unix.EFBIG || len(buf) > maxText {
		t.Errorf("%d bytes read, %v, buffer of %d", len(text), f.errno, len(buf))
	}
	if err := os.Truncate(path, maxText-1); err != nil {
		t.Fatal(err)
	}
	for range retryReads + 1 {
		if text := f.read(&buf); text != nil {
			if len(text) != maxText-1 {
				t.Errorf("%d bytes", len(text))
			}
			return
		}
	}
	t.Error("never tried again")
}

func TestRowsAreBounded(t *testing.T) {
	o := tree(t, "old")
	var disks strings.Builder
	for i := range maxRows + 10 {
		fmt.Fprintf(&disks, "8 0 disk%d 1 2 3 4 5 6 7 8 9 10 11\n", i)
	}
	write(t, o.Proc+"/diskstats", disks.String())
	r := open(t, o)
	if s := shoot(r, metric.Disk); len(s.ids) != maxRows {
		t.Errorf("%d disks", len(s.ids))
	}
	for _, s := range r.Status() {
		if s.Source == "disk" && strings.Contains(s.Reason, "only the first") {
			return
		}
	}
	t.Errorf("status does not tell: %v", r.Status())
}
