package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// A filesystem whose server goes away before the names in its files are read holds the query
// that reads them for a while, and no other one, nor the process.
func TestNamesHang(t *testing.T) { rig.InNamespaces(t, rig.Mount|rig.PID, namesHang) }

func namesHang(t *testing.T) {
	made, good := t.TempDir(), t.TempDir()
	var lines []line
	for i := range 5000 {
		lines = append(lines, line{realtime: longAgo + int64(i)*1000, monotonic: 1 + int64(i)*1000, boot: boot1,
			fields: []string{fmt.Sprintf("_SYSTEMD_UNIT=far%d.service", i), fmt.Sprintf("MESSAGE=%0400d", i)}})
	}
	writeJournal(t, filepath.Join(made, "far@1.journal"), lines)
	text, err := os.ReadFile(filepath.Join(made, "far@1.journal"))
	if err != nil {
		t.Fatal(err)
	}
	fuse := rig.MountFuseFile(t, "far@1.journal", text)
	writeJournal(t, filepath.Join(good, "near@1.journal"), []line{{realtime: longAgo, monotonic: 1, boot: boot2,
		fields: []string{"_SYSTEMD_UNIT=near.service", "MESSAGE=here"}}})
	n := node(t, nil, fuse.Dir, good)
	o, err := n.use()
	if err != nil {
		t.Fatal(err)
	}
	defer n.release()
	if o.j.Len() != 2 {
		t.Fatalf("%d files are open", o.j.Len())
	}
	fuse.Die()
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		o.view()
		o.catalog.mu.Unlock()
	}()
	for deadline := time.Now().Add(5 * time.Second); fuse.Waiting() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("names are not read")
		}
		time.Sleep(time.Millisecond)
	}
	runtime.GC()
	if !o.catalog.mu.TryLock() {
		t.Fatal("the catalog is locked while names are read")
	}
	o.catalog.mu.Unlock()
	<-reading
	began := time.Now()
	entries, _, err := read(t, n, &query.LogQuery{Units: []string{"near"}})
	if took := time.Since(began); err != nil || len(entries) != 1 || took > 3*namesWait {
		t.Errorf("%d entries after %v, %v", len(entries), took, err)
	}
	fuse.Revive()
	for deadline := time.Now().Add(6 * namesWait); ; time.Sleep(100 * time.Millisecond) {
		entries, _, err := read(t, n, &query.LogQuery{Units: []string{"far4999"}})
		if err == nil && len(entries) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d entries once the server is back, %v", len(entries), err)
		}
	}
}
