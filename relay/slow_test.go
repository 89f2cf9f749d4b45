package relay

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/relay/ingest"
)

// While its disk does not respond, a relay stores frames in memory and answers from
// there. It does not acknowledge them, so that they are redelivered if it dies.
func TestDiskHangs(t *testing.T) {
	b := newBroker(t)
	disk := rig.NewSlowDisk(t)
	n := newNode("node-1")
	r := run(t, b, Config{DataDir: disk.Dir, ID: "r1"})
	floor := func() uint64 {
		c, err := b.js.Consumer(t.Context(), bus.FramesStream(cluster), "relay_r1")
		if err != nil {
			t.Fatal(err)
		}
		return c.CachedInfo().AckFloor.Stream
	}
	wait(t, "readiness", func() bool { return r.ingest.Ready() == nil })
	for range 10 {
		b.publish("node-1", n.Tick()...)
	}
	wait(t, "acknowledgements", func() bool { return floor() == 10 })
	disk.Hang()
	for range 30 {
		b.publish("node-1", n.Tick()...)
	}
	r.taken(40)
	r.complete("node-1", 40)
	if err := r.Fleet().View("node-1", func(got *frame.Batch) {
		if got.Seq != 40 {
			t.Errorf("the newest tick is %d", got.Seq)
		}
	}); err != nil {
		t.Error(err)
	}
	var m bytes.Buffer
	r.WriteMetrics(&m)
	for _, line := range []string{
		"daytwo_relay_disk_pending_frames 30\n", "daytwo_relay_unacknowledged 30\n",
		"daytwo_relay_disk_failing 0\n",
	} {
		if !strings.Contains(m.String(), line) {
			t.Errorf("no %q in\n%s", line, m.String())
		}
	}
	time.Sleep(200 * time.Millisecond)
	if at := floor(); at != 10 {
		t.Errorf("acknowledged up to %d, though only 10 are on disk", at)
	}
	disk.Resume()
	wait(t, "acknowledgements", func() bool { return floor() == 40 })
	if s := r.Stats(); s.Ingest.Frames[ingest.Stored] != 40 || s.Ingest.Frames[ingest.Duplicate] != 0 ||
		s.Recent.Unwritten != 0 ||
		s.Recent.DiskFrames != 40 {
		t.Errorf("%+v", s)
	}
	r.stop() // before the file system goes
}
