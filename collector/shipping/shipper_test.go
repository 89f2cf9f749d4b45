package shipping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

func numbers(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

func withRules(t testing.TB, o Options, text string) Options {
	t.Helper()
	r, err := rules.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o.Rules = r
	return o
}

// Entries arrive in order, whole and once, over several starts.
func TestShip(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	o := b.options(src)
	for i := range 4 {
		s := start(t, o)
		src.numbers("u", 1000)
		s.stored(1000)
		s.stop()
		src.numbers("u", 100) // while nobody reads
		if st := s.Stats(); i > 0 && st.Stored != 1100 || st.Errors != 0 || st.Resent != 0 {
			t.Errorf("start %d: %+v", i, st)
		}
	}
	all := b.everything()
	if got := all.texts(); !slices.Equal(got, numbers(0, 4300)) {
		t.Fatalf("%d entries, from %.5q to %.5q", len(got), got, got[max(0, len(got)-5):])
	}
	e := all.entries[17]
	if e.Cursor != "s=4711;i=12" || e.Realtime != firstTime+17_000 || e.Monotonic != 18 || len(e.Fields) != 3 {
		t.Errorf("%+v", e)
	}
}

// At the first start, only what is new is read, or so much more as is asked for.
func TestFirstStart(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	o := b.options(src)
	o.Since = time.Hour
	before := time.Now()
	s := start(t, o)
	s.until("a reader", func(st Stats) bool { return st.Running })
	s.stop()
	src.mu.Lock()
	since := time.UnixMicro(src.queries[0].Since)
	src.mu.Unlock()
	if d := before.Add(-time.Hour).Sub(since); d > time.Second || d < -10*time.Second {
		t.Errorf("it reads from %v", since)
	}
	// Nothing came; the next start still begins there.
	o.Since = 0
	s = start(t, o)
	s.until("a reader", func(st Stats) bool { return st.Running })
	src.mu.Lock()
	defer src.mu.Unlock()
	if q := src.queries[1]; q.Cursor != "" || !time.UnixMicro(q.Since).Equal(since) || !q.Follow {
		t.Errorf("%+v", q)
	}
}

// The position moves over what rules leave out, so that the next start reads only what is
// new (CASES L-A17).
func TestPositionMovesOverFiltered(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	const n = 1_000_000
	src.make = func(i int) line { return line{unit: "u", text: "noise", priority: 6} }
	src.made = n
	one := src.make
	src.make = func(i int) line {
		l := one(i)
		if i == 500_000 {
			l.text = "signal"
		}
		return l
	}
	o := withRules(t, b.options(src), "filter: [keep: {match: {MESSAGE: signal}}, drop: {}]")
	s := start(t, o)
	s.until("all", func(st Stats) bool { return st.Read == n && st.Filtered == n-1 && st.Stored == 1 && st.InFlight == 0 })
	s.until("a saved position", func(st Stats) bool { return st.PositionAge == 0 })
	s.stop()
	src.mu.Lock()
	src.read, src.made = 0, n+10
	src.mu.Unlock()
	s = start(t, o)
	s.until("what is new", func(st Stats) bool { return st.Read == 10 })
	s.stop()
	if src.read != 10 {
		t.Errorf("%d entries were read at the second start", src.read)
	}
	if got := b.everything().texts(); !slices.Equal(got, []string{"signal"}) {
		t.Errorf("%q", got)
	}
}

// A line above all limits goes out, alone or cut with a mark, and delays no other
// (CASES L-A18).
func TestLargeEntries(t *testing.T) {
	b := newBroker(t)
	b.maxPayload = 64 << 10
	b.start().stream()
	src := newSource()
	src.numbers("u", 500)
	five := strings.Repeat("0123456789abcdef", 5<<16) // 5 MiB
	src.write(line{unit: "u", text: five})
	src.numbers("u", 499)
	src.write(line{unit: "u", text: strings.Repeat("x", 20<<20)})
	s := start(t, b.options(src))
	s.stored(1001)
	all := b.everything()
	texts := all.texts()
	if texts[500] != five || !slices.Equal(texts[:500], numbers(0, 500)) ||
		!slices.Equal(texts[501:1000], numbers(501, 1000)) {
		t.Errorf("%d entries, the large one has %d bytes", len(texts), len(texts[500]))
	}
	cut := all.entries[1000]
	if size, ok := cut.Get(CutField); !ok || string(size) != strconv.Itoa(20<<20+2) || len(texts[1000]) < 15<<20 {
		t.Errorf("cut to %d bytes, marked %s", len(texts[1000]), size)
	}
	if st := s.Stats(); st.Cut != 1 {
		t.Errorf("%+v", st)
	}
}

func TestCutTo(t *testing.T) {
	b := newBatch(&Options{})
	e := &entry.Entry{Fields: []entry.Field{{Name: "A", Value: make([]byte, 10)}, {Name: "B", Value: make([]byte, 500)},
		{Name: "C", Value: make([]byte, 700)}}}
	c := b.cutTo(e, 210, 1210)
	var sizes []int
	for _, f := range c.Fields {
		sizes = append(sizes, len(f.Value))
	}
	if !slices.Equal(sizes, []int{10, 100, 100, 4}) || len(e.Fields[2].Value) != 700 {
		t.Errorf("%v", sizes)
	}
	many := &entry.Entry{Fields: make([]entry.Field, entry.MaxFields+5)}
	if cut, err := b.add(many, 1<<20); err != nil || !cut {
		t.Errorf("%v %v", cut, err)
	}
}

// Lines are joined across other writers' lines, and what waits for more lines holds back
// the position.
func TestJoin(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	o := withRules(t, b.options(src), `join: [{select: {unit: 'j*'}, start: '^\S', max_lines: 4, idle: 100ms}]`)
	say := func(unit string, texts ...string) {
		for _, text := range texts {
			src.write(line{unit: unit, text: text, priority: 6})
		}
	}
	say("ja", "one", " two")
	say("x", "other")
	say("jb", "un")
	say("ja", " three", "new", " 2", " 3", " 4", " 5")
	say("jb", " deux")
	s := start(t, o)
	s.stored(5)
	got := b.everything()
	want := []string{"other", "one\n two\n three", "new\n 2\n 3\n 4", "un\n deux", " 5"}
	texts := got.texts()
	slices.Sort(texts[3:]) // both wait for their time limit
	slices.Sort(want[3:])
	if !slices.Equal(texts, want) {
		t.Fatalf("%q", texts)
	}
	if e := got.entries[1]; e.Cursor != "s=4711;i=1" || e.Realtime != firstTime {
		t.Errorf("%+v", e)
	}
	if st := s.Stats(); st.Joined != 6 || st.Entries != 5 || st.Read != 11 {
		t.Errorf("%+v", st)
	}
	// A stop passes on what is held, and the next start goes on after it.
	say("ja", "last", " line")
	s.until("all is read", func(st Stats) bool { return st.Read == 13 })
	s.stop()
	say("x", "end")
	s = start(t, o)
	s.stored(1)
	if texts := b.everything().texts(); !slices.Equal(texts[5:], []string{"last\n line", "end"}) {
		t.Errorf("%q", texts[5:])
	}
}

// While a line waits for more, the position stays before it, so that a crash loses none.
func TestHeldLinesHoldThePosition(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	o := withRules(t, b.options(src), `join: [{select: {unit: j}, start: '^\S', idle: 1m}]`)
	src.numbers("u", 10)
	src.write(line{unit: "j", text: "held"})
	src.numbers("u", 10)
	s := start(t, o)
	s.stored(20)
	s.mu.Lock()
	at := string(s.stored0())
	s.mu.Unlock()
	if at != "s=4711;i=a" {
		t.Errorf("the position is %s", at)
	}
	src.write(line{unit: "j", text: "next"}) // ends the one that is held
	s.until("it", func(st Stats) bool { return st.Stored == 21 && st.InFlight == 0 })
}

func (s *Shipper) stored0() []byte { return s.stored.cursor }

// Rules apply, and what they do is counted; drops by a rate limit are an event.
func TestRulesApply(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	o := withRules(t, b.options(src), `
filter: [drop: {unit: noise}]
sample: [{select: {priority: debug..debug}, one_in: 5}]
rate: [{select: {unit: loud}, per_second: 1, burst: 10}]
redact: [{known: email}]
fields: {drop: PRIORITY}`)
	for range 10 {
		src.write(line{unit: "noise"}, line{unit: "d", priority: 7}, line{unit: "mail", text: "a@b.cd", priority: 6})
	}
	for range 50 {
		src.write(line{unit: "loud", text: "x", priority: 6})
	}
	s := start(t, o)
	s.stored(2 + 10 + 10)
	s.mu.Lock()
	s.tellDrops()
	s.mu.Unlock()
	s.stored(2 + 10 + 10 + 1)
	if st := s.Stats(); st.Filtered != 10 || st.SampledOut != 8 || st.RateLimited != 40 || st.Redacted != 10 ||
		st.Entries != 22 || st.Events != 1 || st.Read != 80 {
		t.Errorf("%+v", st)
	}
	all := b.everything()
	if len(all.events) != 1 || all.events[0].Kind != entry.ShipperDrops || all.events[0].Count != 40 ||
		all.events[0].Source != "loud" || all.events[0].Agent != "a" {
		t.Errorf("%+v", all.events)
	}
	for _, e := range all.entries {
		if _, ok := e.Get("PRIORITY"); ok {
			t.Fatal("a field that is dropped was shipped")
		}
	}
	if !slices.Contains(all.texts(), "[redacted]") || slices.Contains(all.texts(), "a@b.cd") {
		t.Errorf("%q", all.texts())
	}
}

// What the source says of itself is shipped, and a source that fails is asked again from
// where it was read.
func TestSourceFails(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	src.numbers("u", 10)
	s := start(t, b.options(src))
	s.stored(10)
	src.mu.Lock()
	src.fail = errBroken
	src.wake()
	src.mu.Unlock()
	s.until("errors", func(st Stats) bool { return st.Errors >= 2 && !st.Running })
	src.numbers("u", 20)
	src.mu.Lock()
	src.fail, src.gone = nil, 15
	src.mu.Unlock()
	s.stored(10 + 15 + 1)
	all := b.everything()
	if want := append(numbers(0, 10), numbers(15, 30)...); !slices.Equal(all.texts(), want) {
		t.Errorf("%q", all.texts())
	}
	if len(all.events) != 1 || all.events[0].Kind != entry.Vacuumed || all.events[0].Count != 5 {
		t.Errorf("%+v", all.events)
	}
}

// A position that the reader does not understand is not the end: reading goes on by time.
func TestBadCursor(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	src.numbers("u", 10)
	o := b.options(src)
	if err := writePosition(PositionFile(o.Dir), &place{[]byte("nonsense"), firstTime + 4500}); err != nil {
		t.Fatal(err)
	}
	s := start(t, o)
	s.stored(5)
	if got := b.everything().texts(); !slices.Equal(got, numbers(5, 10)) {
		t.Errorf("%q", got)
	}
}

func TestPosition(t *testing.T) {
	path := PositionFile(t.TempDir())
	if p, err := readPosition(path); p != nil || err != nil {
		t.Errorf("%v %v", p, err)
	}
	want := place{[]byte("s=1;i=2"), 3}
	if err := writePosition(path, &want); err != nil {
		t.Fatal(err)
	}
	if p, err := readPosition(path); err != nil || !p.equal(&want) {
		t.Errorf("%v %v", p, err)
	}
	for _, text := range []string{"", "{", `{"version":2,"cursor":"x","realtime_us":1}`, `{"version":1,"cursor":"x"}`} {
		if err := writeFile(path, text); err != nil {
			t.Fatal(err)
		}
		if p, err := readPosition(path); err == nil {
			t.Errorf("%q: %v", text, p)
		}
		b := newBroker(t).start()
		o := b.options(newSource())
		o.Dir = strings.TrimSuffix(path, "/logs-position.json")
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReplyNumber(t *testing.T) {
	for _, c := range [][3]int{{0, 0, 0}, {1, 1, 1}, {1 << 39, 2047, 4096}, {5, 3, 8191}} {
		batch, try, part := parseReplyNumber(replyNumber(uint64(c[0]), c[1], c[2]))
		if got := fmt.Sprint(batch, try, part); got != fmt.Sprint(c[0], c[1], c[2]) {
			t.Errorf("%v came back as %s", c, got)
		}
	}
	if batch, try, _ := parseReplyNumber(replyNumber(7, 2048+3, 0)); batch != 7 || try != 3 {
		t.Error("the number of an attempt runs over into that of the batch")
	}
}
