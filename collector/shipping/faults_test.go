package shipping

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
)

// once checks that the numbered lines 0 to n of a source were shipped, each at least once
// and each time as the same entry. It returns how many were shipped again.
func (b *broker) once(n int) (repeated int) {
	b.t.Helper()
	seen := make([]bool, n)
	missing := n
	b.each(func(rec entry.Record) {
		m, _ := rec.Entry.Get("MESSAGE")
		k, err := strconv.Atoi(string(m))
		if err != nil || k >= n || rec.Entry.Cursor != cursorOf(k) {
			b.t.Fatalf("an entry %q at %s", m, rec.Entry.Cursor)
		}
		if seen[k] {
			repeated++
		} else {
			missing--
		}
		seen[k] = true
	})
	if missing > 0 {
		b.t.Fatalf("%d of %d entries are missing, the first is %d", missing, n, slices.Index(seen, false))
	}
	return repeated
}

func cursorOf(line int) string { return "s=4711;i=" + strconv.FormatInt(int64(line+1), 16) }

// NATS goes away and comes back in mid-stream: no entry is lost.
func TestNATSRestarts(t *testing.T) {
	const n, batch = 100_000, 20
	b := newBroker(t).start().stream()
	src := newSource()
	src.make = func(i int) line { return line{unit: "u", text: strconv.Itoa(i), priority: 6} }
	src.made = n
	o := b.options(src)
	o.BatchEntries = batch
	s := start(t, o)
	for i := range 2 {
		s.until("more", func(st Stats) bool { return st.Stored >= uint64(n*(i+1)/4) })
		b.stop()
		b.start()
	}
	s.until("everything", func(st Stats) bool { return st.Read == n && st.Lag == 0 })
	repeated, st := b.once(n), s.Stats()
	t.Logf("%d entries were shipped twice; %+v", repeated, st)
	if st.Resent == 0 || repeated > batch*int(st.Resent) {
		t.Errorf("%d entries were shipped twice, in %d batches that were sent again", repeated, st.Resent)
	}
}

// Nothing is read beyond the window while NATS is away, and Close does not wait for it.
func TestNATSAway(t *testing.T) {
	b := newBroker(t)
	src := newSource()
	noise := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 30)
	src.make = func(i int) line {
		return line{unit: "u", text: strconv.FormatUint(uint64(i)*0x9e3779b97f4a7c15, 36) + noise[i%700:i%700+300]}
	}
	src.made = 1_000_000
	o := b.options(src)
	s := start(t, o)
	var last uint64
	s.until("a full window", func(st Stats) bool {
		still := st.InFlight > 0 && st.Read == last
		last = st.Read
		time.Sleep(100 * time.Millisecond)
		return still
	})
	s.mu.Lock()
	held, n := s.win.bytes, s.win.n
	s.mu.Unlock()
	if held > maxWindow+2<<20 || n > maxInFlight-room+1 {
		t.Errorf("%d bytes in %d batches wait", held, n)
	}
	if st := s.Stats(); st.Lag == 0 || st.Stored != 0 || !st.Running {
		t.Errorf("%+v", st)
	}
	before := time.Now()
	s.stop()
	if d := time.Since(before); d > 5*time.Second {
		t.Errorf("closing took %v", d)
	}
	b.start().stream()
	src.make, src.made = nil, 0
	src.numbers("u", 100)
	s = start(t, o) // it begins where it began
	s.stored(100)
	b.once(100)
}

// A stream that is deleted is created again, and what was not stored is shipped to it.
func TestStreamDeleted(t *testing.T) {
	b := newBroker(t).start() // none at the beginning either
	src := newSource()
	src.numbers("u", 100)
	s := start(t, b.options(src))
	s.stored(100)
	if err := b.js.DeleteStream(t.Context(), bus.LogsStream("c")); err != nil {
		t.Fatal(err)
	}
	src.numbers("u", 100)
	s.stored(200)
	if got := b.everything().texts(); !slices.Equal(got, numbers(100, 200)) {
		t.Errorf("%q", got)
	}
}

// A node's credential may publish as itself, and create no stream: it waits for a relay
// to do that.
func TestNodeCredential(t *testing.T) {
	b := newBroker(t)
	b.users = []*server.User{{Username: "admin", Password: "pw"},
		{Username: "a", Password: "pw", Permissions: embedded.NodePermissions("c", "a")}}
	b.start()
	src := newSource()
	src.numbers("u", 100)
	s := start(t, b.options(src))
	s.until("failures", func(st Stats) bool { return st.Errors >= 3 })
	b.stream()
	s.stored(100)
	b.once(100)
}

// A server that refuses the credentials is asked again until it takes them.
func TestNATSRefuses(t *testing.T) {
	b := newBroker(t)
	b.users = []*server.User{{Username: "admin", Password: "pw"}, {Username: "a", Password: "new"}}
	src := newSource()
	src.numbers("u", 100)
	o := b.options(src) // the node has the new password, and the server not yet
	b.users[1].Password = "old"
	b.start().stream()
	s := start(t, o)
	s.until("a batch that waits", func(st Stats) bool { return st.InFlight > 0 && st.Lag > 0 })
	rig.Eventually(t, 20*time.Second, func() error {
		if err := o.Conn.LastError(); err == nil || !strings.Contains(err.Error(), "Authorization") {
			return fmt.Errorf("the server did not refuse: %v", err)
		}
		return nil
	})
	b.stop()
	b.users[1].Password = "new"
	b.start()
	s.stored(100)
	b.once(100)
}

// A stream that is full and keeps its oldest messages refuses new ones: they wait in the
// journal until it takes them.
func TestStreamFull(t *testing.T) {
	b := newBroker(t).start()
	config := jetstream.StreamConfig{Name: bus.LogsStream("c"), Subjects: []string{bus.AllLogs("c")},
		MaxMsgs: 3, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage}
	if _, err := b.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	src := newSource()
	o := b.options(src)
	o.BatchEntries = 10
	src.numbers("u", 100)
	s := start(t, o)
	s.until("refusals", func(st Stats) bool { return st.Stored == 30 && st.Errors >= 3 })
	config.MaxMsgs = 1000
	if _, err := b.js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	s.stored(100)
	if repeated := b.once(100); repeated > 0 {
		t.Errorf("%d entries were stored twice", repeated)
	}
}

// A stream that takes smaller messages than the server gets smaller ones.
func TestStreamOfSmallMessages(t *testing.T) {
	b := newBroker(t).start()
	config := jetstream.StreamConfig{Name: bus.LogsStream("c"), Subjects: []string{bus.AllLogs("c")}, MaxMsgSize: 16 << 10}
	if _, err := b.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	src := newSource()
	src.numbers("u", 100_000)
	s := start(t, b.options(src))
	s.until("everything", func(st Stats) bool {
		return st.Read >= 100_000 && st.Lag == 0 && st.InFlight == 0 && st.Stored >= 100_000
	})
	b.once(100_000)
	if st := s.Stats(); st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

// A batch that no stream takes is lost, counted, and an event; what follows is shipped.
func TestStreamOfTinyMessages(t *testing.T) {
	b := newBroker(t).start()
	config := jetstream.StreamConfig{Name: bus.LogsStream("c"), Subjects: []string{bus.AllLogs("c")}, MaxMsgSize: 700}
	if _, err := b.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	src := newSource()
	o := b.options(src)
	o.BatchEntries = 1
	src.numbers("u", 3)
	random := make([]byte, 0, 3000)
	for i := range uint64(400) {
		random = strconv.AppendUint(random, (i+1)*0x9e3779b97f4a7c15>>20, 36)
	}
	src.write(line{unit: "u", text: string(random)})
	src.numbers("u", 3)
	s := start(t, o)
	s.until("the end", func(st Stats) bool { return st.Stored == 7 })
	all := b.everything()
	if got := all.texts(); !slices.Equal(got, []string{"0", "1", "2", "4", "5", "6"}) {
		t.Errorf("%q", got)
	}
	if len(all.events) != 1 || all.events[0].Count != 1 || s.Stats().Dropped != 1 {
		t.Errorf("%+v, %+v", all.events, s.Stats())
	}
}

// A position that cannot be saved is said, and shipping goes on; once there is room it is
// saved.
func TestPositionDiskFull(t *testing.T) { rig.InNamespaces(t, rig.Mount, positionDiskFull) }

func positionDiskFull(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	src.numbers("u", 100)
	o := b.options(src)
	rig.SmallDisk(t, o.Dir, "64k")
	fill := o.Dir + "/fill"
	if err := os.WriteFile(fill, make([]byte, 80<<10), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	s := start(t, o)
	s.stored(100)
	s.until("an error", func(st Stats) bool { return st.Errors > 0 && st.PositionAge > 0 })
	src.numbers("u", 100)
	s.stored(200)
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.until("a saved position", func(st Stats) bool { return st.PositionAge == 0 })
	s.stop()
	s = start(t, o)
	src.numbers("u", 1)
	s.stored(1)
	if repeated := b.once(201); repeated > 0 {
		t.Errorf("%d entries were shipped twice", repeated)
	}
}

// The process is killed in mid-stream and NATS restarts, again and again: no entry is
// lost, and one that arrives twice has the same cursor. 'make logs-soak' does it with ten
// million entries.
func TestKilled(t *testing.T) {
	n := 200_000
	if text := os.Getenv("DAYTWO_SOAK_ENTRIES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if addr := os.Getenv("DAYTWO_TEST_SHIP_TO"); addr != "" {
		shipUntilKilled(t, addr, os.Getenv("DAYTWO_TEST_SHIP_DIR"), n)
		return
	}
	b := newBroker(t).start().stream()
	dir, tmp := t.TempDir(), t.TempDir()
	const most = 12 // kills
	killed := 0
	for done := false; !done; {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "DAYTWO_TEST_SHIP_TO="+b.addr, "DAYTWO_TEST_SHIP_DIR="+dir, "TMPDIR="+tmp)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		// It is killed once it has shipped its share, and has saved a position of its own.
		share, saved := b.messages()+n/batchOfKilled/most/2, position(dir)
		for end := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Millisecond) {
			if killed < most && b.messages() >= share && position(dir) != saved {
				break
			}
			select {
			case err := <-ended:
				if done = true; err != nil {
					t.Fatal(err)
				}
			default:
			}
			if done {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%d messages after five minutes", b.messages())
				break
			}
		}
		if !done {
			killed++
			_ = cmd.Process.Kill()
			<-ended
			if killed%3 == 0 {
				b.stop()
				b.start()
			}
		}
		if t.Failed() {
			return
		}
	}
	repeated := b.once(n)
	t.Logf("killed %d times, %d of %d entries were shipped twice", killed, repeated, n)
	if killed < 3 {
		t.Errorf("it was killed only %d times", killed)
	}
}

const batchOfKilled = 200 // entries

// position returns the position that is saved.
func position(dir string) string {
	b, _ := os.ReadFile(PositionFile(dir))
	return string(b)
}

// messages returns how many messages the stream has.
func (b *broker) messages() int {
	s, err := b.js.Stream(b.t.Context(), bus.LogsStream("c"))
	if err != nil {
		b.t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

func shipUntilKilled(t *testing.T, addr, dir string, n int) {
	src := newSource()
	src.make = func(i int) line { return line{unit: "u", text: strconv.Itoa(i), priority: 6} }
	src.made = n
	b := &broker{t: t, addr: addr}
	o := b.options(src)
	o.Dir, o.BatchEntries, o.SaveEvery = dir, batchOfKilled, 20*time.Millisecond
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go s.Run(ctx)
	for st := s.Stats(); st.InFlight > 0 || st.Lag > 0 || !st.Running || src.left() > 0; st = s.Stats() {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// left returns how many lines are to be read by the newest reader.
func (s *source) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(len(s.lines), s.made) - s.at
}
