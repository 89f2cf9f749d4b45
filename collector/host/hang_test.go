package host

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
)

// tickBound is how long a tick may take on a busy machine while filesystems hang.
const tickBound = 10 * answerWait

// hasValues fails the test unless the row of a filesystem has values.
func hasValues(t *testing.T, s shot, point string) {
	t.Helper()
	if v := s.vals[point]; v == nil || v[metric.FSSize] <= 0 || v[metric.FSDeviceError] != 0 {
		t.Fatalf("%s: %v", point, v)
	}
}

// hasNone fails the test unless the row of a filesystem says that it has no values.
func hasNone(t *testing.T, s shot, point string) {
	t.Helper()
	if v := s.vals[point]; v == nil || v[metric.FSSize] != metric.Absent || v[metric.FSDeviceError] != 1 {
		t.Fatalf("%s: %v", point, v)
	}
}

// timedTick reads the machine, and fails the test if that takes longer than tickBound.
func timedTick(t *testing.T, r *Reader) shot {
	t.Helper()
	began := time.Now()
	s := shoot(r, metric.Filesystem)
	if d := time.Since(began); d > tickBound {
		t.Errorf("a tick took %v", d)
	}
	return s
}

// The tests of times are not among those that bench/kernels runs (TestKernel…): the
// times of an emulated machine say nothing.

func TestSlowFilesystems(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 100 * time.Millisecond} {
		t.Run(interval.String(), func(t *testing.T) {
			rig.InNamespaces(t, rig.Machine, func(t *testing.T) { slowFilesystems(t, interval) })
		})
	}
}

// Two filesystems that take 300 ms to answer and one that hangs do not affect a healthy
// one. The answers of the slow ones are shown, and they are not asked more than needed.
func slowFilesystems(t *testing.T, interval time.Duration) {
	dir := t.TempDir()
	slow, slower, hung, healthy := dir+"/a", dir+"/b", dir+"/c", dir+"/d"
	const delay = 300 * time.Millisecond
	mountFUSE(t, fuseMount{slow, "server:/a", delay}, fuseMount{slower, "server:/b", delay},
		fuseMount{hung, "server:/c", never}, fuseMount{healthy, "server:/d", 0})
	r := open(t, Options{})
	before := runtime.NumGoroutine()
	started := time.Now()
	next := started
	answers := map[string]map[int64]bool{slow: {}, slower: {}, healthy: {}}
	const lasts = 4 * time.Second
	ticks := 0
	for ; next.Sub(started) < lasts; next = next.Add(interval) {
		time.Sleep(time.Until(next))
		s := timedTick(t, r)
		ticks++
		hasValues(t, s, "/")
		hasValues(t, s, healthy)
		hasNone(t, s, hung)
		if next.Sub(started) > delay+interval {
			hasValues(t, s, slow)
			hasValues(t, s, slower)
		}
		for point, seen := range answers {
			seen[s.vals[point][metric.FSFree]] = true
		}
	}
	if n := len(answers[healthy]); n < ticks*3/4 {
		t.Errorf("the healthy filesystem showed %d answers in %d ticks", n, ticks)
	}
	for _, point := range []string{slow, slower} {
		// The filesystem is asked at a tick and answers 300 ms later. The next tick shows the
		// answer and asks again.
		most := int(lasts / max(interval, delay+interval))
		if n := len(answers[point]); n < most/2 || n > most+2 {
			t.Errorf("%s showed %d answers in %v, want about %d", point, n, lasts, most)
		}
	}
	// There is a goroutine for each of the three that were slow, and some for the others.
	if n := runtime.NumGoroutine() - before; n > 3+len(r.fs.mounts) {
		t.Errorf("%d more goroutines", n)
	}
}

// The last answer is shown until the next answer is overdue. From then on the filesystem
// counts as hanging, until it answers.
func TestKernelFilesystemStopsAnswering(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		dir := t.TempDir()
		end := mountFUSE(t, fuseMount{dir, "server:/a", 0})
		r := open(t, Options{})
		hasValues(t, shoot(r, metric.Filesystem), dir)
		if len(r.fs.status(time.Now())) != 0 {
			t.Errorf("status: %v", r.fs.status(time.Now()))
		}
		m := r.fs.byName[dir]
		now := time.Now()
		m.since = now // as if it were asked again and did not answer
		for _, c := range []struct {
			after time.Duration
			want  unix.Errno
		}{{0, 0}, {mountPatience, 0}, {mountPatience + m.took + 1, unix.ETIMEDOUT}} {
			if errno := m.error(now.Add(c.after)); errno != c.want {
				t.Errorf("after %v: %v, want %v", c.after, errno, c.want)
			}
		}
		m.refused = true
		if errno := m.error(now.Add(time.Minute)); errno != unix.EAGAIN {
			t.Errorf("not asked for a minute: %v", errno)
		}
		// When the server ends, the call returns an error of the kernel.
		end()
		shoot(r, metric.Filesystem)
		s := shoot(r, metric.Filesystem)
		hasNone(t, s, dir)
		if errno := r.fs.byName[dir].error(time.Now()); errno != unix.ENOTCONN && errno != unix.ECONNABORTED {
			t.Errorf("after its server ended: %v", errno)
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if s = shoot(r, metric.Filesystem); s.ids[dir] != 0 {
			t.Error("still there after umount")
		}
	})
}

// A thousand mounts whose servers do not answer occupy a bounded number of goroutines.
func TestThousandDeadFilesystems(t *testing.T) {
	for name, c := range map[string]struct {
		source string // format with the number of the mount
		most   int    // calls that hang
	}{
		"one server":   {"server:/export%d", scarceCalls},
		"many servers": {"server%d:/export", maxCalls - callsForLocal - callsForAnswered},
	} {
		t.Run(name, func(t *testing.T) {
			rig.InNamespaces(t, rig.Machine, func(t *testing.T) { manyDead(t, c.source, c.most) })
		})
	}
}

func manyDead(t *testing.T, source string, most int) {
	dir := t.TempDir()
	healthy := dir + "/healthy"
	mountFUSE(t, fuseMount{healthy, "other:/export", 0})
	var log logCounter
	r := open(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	hasValues(t, shoot(r, metric.Filesystem), healthy)
	before := runtime.NumGoroutine()
	var dead []fuseMount
	for i := range 1000 {
		dead = append(dead, fuseMount{fmt.Sprintf("%s/%d", dir, i), fmt.Sprintf(source, i), absent})
	}
	end := mountFUSE(t, dead...)
	for range 20 {
		s := timedTick(t, r)
		hasValues(t, s, "/")
		hasValues(t, s, healthy)
		hasNone(t, s, dead[0].dir)
		hasNone(t, s, dead[999].dir)
	}
	if n := r.pool.UnderWay(); n < most-callsPerServer || n > most+callsPerServer {
		t.Errorf("%d calls hang, want about %d", n, most)
	}
	if n := runtime.NumGoroutine() - before; n > most+callsPerServer+8 {
		t.Errorf("%d more goroutines", n)
	}
	// Overdue answers make a single line in the log, however many ticks there are.
	later := time.Now().Add(2 * mountPatience)
	for i := range 50 {
		r.fs.log.update(r.fs.mounts, later.Add(time.Duration(i)*time.Second))
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "count=1000") {
		t.Errorf("%d lines in the log: %s", n, log.String())
	}
	reasons := map[string]int{}
	for _, s := range r.Status() {
		reasons[s.Reason]++
	}
	if len(reasons) < 2 {
		t.Errorf("reasons: %v", reasons)
	}
	// When the servers end, the calls return, and the goroutines are free again.
	end()
	for deadline := time.Now().Add(10 * time.Second); r.pool.UnderWay() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls still hang", r.pool.UnderWay())
		}
	}
}

// The calls of mounts that are added and removed while their server does not answer
// remain. Their number is bounded too, and other filesystems are still asked.
func TestDeadFilesystemsComeAndGo(t *testing.T) {
	rig.InNamespaces(t, rig.Machine, func(t *testing.T) {
		dir := t.TempDir()
		r := open(t, Options{})
		const rounds, each = 8, 16
		for i := range rounds {
			var dead []fuseMount
			for k := range each {
				dead = append(dead, fuseMount{fmt.Sprintf("%s/%d", dir, k), "server:/export", absent})
			}
			// The server keeps running after the unmount, as that of an automounter does.
			mountFUSE(t, dead...)
			hasNone(t, timedTick(t, r), dead[0].dir)
			for _, m := range dead {
				if err := unix.Unmount(m.dir, unix.MNT_DETACH); err != nil {
					t.Fatal(err)
				}
			}
			s := timedTick(t, r)
			hasValues(t, s, "/")
			if s.ids[dead[0].dir] != 0 {
				t.Fatalf("round %d: still there after umount", i)
			}
		}
		if n := r.pool.UnderWay(); n > scarceCalls {
			t.Errorf("%d calls hang after %d mounts of one server, want %d at most", n, rounds*each, scarceCalls)
		}
	})
}

// logCounter is the text of a log, which a test may read while it is written.
type logCounter struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logCounter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logCounter) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
