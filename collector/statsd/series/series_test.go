package series

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

func TestCounter(t *testing.T) {
	r := newRig(t, Options{})
	r.send(1, "a:2|c|#env:prod,az:b\na:3|c|@0.5|#az:b,env:prod\na:1:2:3|c|#az:b,env:prod\nb:5|c")
	r.flush()
	const a = "a tag.az=b tag.env=prod type=c"
	r.value(a, metric.AppValue, 2+6+6)
	r.value(a, metric.AppSamples, 5)
	r.value(a, metric.AppDecrements, absent)
	r.value(a, metric.AppCount, absent)
	r.value(a, metric.AppUpdated, float64(r.now.Unix()))
	if p := r.app.Rows[r.find(a)].Parent; p != 101 {
		t.Errorf("parent %d", p)
	}
	r.send(1, "b:-2|c\nb:-3|c|@0.1\nb:1e308|c|@0.9\nb:1e308|c")
	r.flush()
	r.value("b type=c", metric.AppDecrements, 32)
	r.value("b type=c", metric.AppValue, math.MaxFloat64) // not infinite
}

func TestGauge(t *testing.T) {
	r := newRig(t, Options{})
	r.send(1, "a:5|g\na:+3|g\na:-1|g\nb:-4|g\nc:1:2:+5|g|@0.1")
	r.flush()
	r.value("a type=g", metric.AppValue, 7)
	r.value("b type=g", metric.AppValue, -4)
	r.value("c type=g", metric.AppValue, 7)
	r.send(1, "a:0.5|g|T1600000000\nd:1|g|T9223372036854775807")
	r.flush()
	r.value("a type=g", metric.AppValue, 0.5)
	r.value("a type=g", metric.AppUpdated, 1600000000)
	r.value("d type=g", metric.AppUpdated, 9223372036)
}

func TestSet(t *testing.T) {
	r := newRig(t, Options{})
	check := func(want float64) {
		t.Helper()
		r.flush()
		r.value("u type=s", metric.AppValue, want)
	}
	r.send(1, "u:alice|s\nu:bob|s\nu:alice|s\nu:x:y|s")
	check(3)
	r.now = r.now.Add(time.Minute)
	check(3) // the complete minute
	r.send(1, "u:carol|s")
	check(3)
	r.send(1, "u:1|s\nu:2|s\nu:3|s\nu:4|s")
	check(5) // the current minute has more members
	r.now = r.now.Add(time.Minute)
	check(5)
	r.now = r.now.Add(time.Minute)
	check(0)
	r.send(1, "u:1|s")
	r.now = r.now.Add(5 * time.Minute)
	check(0)
}

// The set whose size is shown is in the table: complete, with rows of other series
// between, and owned by the tick.
func TestSetMembers(t *testing.T) {
	r := newRig(t, Options{})
	want := func(row string, members ...string) {
		t.Helper()
		var all sketch.Set
		for _, m := range members {
			all.AddBytes([]byte(m))
		}
		if got := r.app.Sets[r.find(row)]; got == nil || !got.Equal(&all) {
			t.Errorf("%s: %+v, want %v", row, got, members)
		}
	}
	r.send(1, "a:1|c\nu:alice|s\nu:bob|s\nb:2|ms\nv:x|s\nc:1|g")
	r.flush()
	want("u type=s", "alice", "bob")
	want("v type=s", "x")
	shown := r.app.Sets[r.find("u type=s")]
	r.send(1, "u:carol|s")
	if shown.Estimate() != 2 {
		t.Error("the tick's set moves with later samples")
	}
	r.now = r.now.Add(time.Minute)
	r.send(1, "u:dave|s")
	r.flush()
	want("u type=s", "alice", "bob", "carol")
	r.send(1, "u:1|s\nu:2|s\nu:3|s")
	r.flush()
	want("u type=s", "dave", "1", "2", "3")
	many := []string{"dave", "1", "2", "3"}
	for i := range 1000 {
		many = append(many, fmt.Sprint("many-", i))
		r.send(1, "u:"+many[len(many)-1]+"|s")
	}
	r.flush()
	want("u type=s", many...)
	r.now = r.now.Add(3 * time.Minute)
	r.flush()
	want("u type=s")
	want("v type=s")
}

func TestHistogram(t *testing.T) {
	r := newRig(t, Options{})
	for i := 1; i <= 1000; i++ {
		r.send(1, fmt.Sprintf("lat:%d|ms|@0.25\nother:1|c", i))
	}
	r.flush()
	const lat = "lat type=ms"
	r.value(lat, metric.AppCount, 4000)
	r.value(lat, metric.AppSum, 4*500500)
	r.value(lat, metric.AppMin, 1)
	r.value(lat, metric.AppMax, 1000)
	r.value(lat, metric.AppSamples, 1000)
	r.value(lat, metric.AppValue, absent)
	h := r.app.Histograms[r.find(lat)]
	if q := h.Quantile(0.99); math.Abs(q-990)/990 > 0.01 {
		t.Errorf("p99 is %v", q)
	}
	if r.app.Histograms[r.find("other type=c")] != nil {
		t.Error("a counter has a histogram")
	}
	r.send(1, "lat:5:7:-3|ms")
	if h.Count() != 4000 {
		t.Error("the tick's histogram moves with later samples")
	}
	r.flush()
	r.value(lat, metric.AppMin, -3)
	r.value(lat, metric.AppMax, 7)
	r.value(lat, metric.AppCount, 4003)
	r.flush()
	r.value(lat, metric.AppMin, absent)
	r.value(lat, metric.AppCount, 4003)
	r.send(1, "lat:1|d\nlat:1|h")
	r.flush()
	r.value("lat type=d", metric.AppCount, 1)
	r.value("lat type=h", metric.AppCount, 1)
	r.counted("1", metric.StatsdTypeConflicts, 2)
}

// The same tags are one row, whatever their order in a line. Tags are texts, so tags
// that differ in any way are different rows.
func TestForms(t *testing.T) {
	r := newRig(t, Options{})
	for range 2 {
		r.send(1, "a:1|c|#up\na:1|c|#up:true\na:1|c|#up:\na:1|c|#up,up\na:1|c|#up,,\na:1|c|#up:,up")
		r.send(1, "b:1|c|#x:1,x:2\nb:1|c|#x:2,x:1\nb:1|c|#x:1;2\nb:1|c|#x:2,x:1,x:2\nb:1|c|#:x\nb:1|c|#:x,y:1")
		r.send(1, "c:1|c|#dd.internal.entity_id:abc,x:1\nc:1|c|#x:1,dd.internal.card:low\nc:1|c|#x:1\nc:1|c|#x:1,"+
			"dd.internal.jmx_check_name:k")
		r.send(1, "d\xff:1|c\nd\xfe:1|c\nd\uFFFD:1|c")
		r.send(1, "e:1|c|#host:a\ne:1|c|#host:b")
		r.send(1, "f:1|c|#a:b:c")
	}
	r.flush()
	r.value("a tags=up type=c", metric.AppValue, 6)
	r.value("a tags=up: type=c", metric.AppValue, 2)
	r.value("a tag.up=true type=c", metric.AppValue, 2)
	r.value("a tags=up,up: type=c", metric.AppValue, 2)
	r.value("b tags=x:1,x:2 type=c", metric.AppValue, 6)
	r.value("b tag.x=1;2 type=c", metric.AppValue, 2)
	r.value("b tags=:x type=c", metric.AppValue, 2)
	r.value("b tag.y=1 tags=:x type=c", metric.AppValue, 2)
	r.value("c tag.x=1 type=c", metric.AppValue, 8)
	r.value("d\uFFFD type=c", metric.AppValue, 6)
	r.value("e tag.host=a type=c", metric.AppValue, 2)
	r.value("f tag.a=b:c type=c", metric.AppValue, 2)
	if len(r.app.Rows) != 13 {
		t.Errorf("%d rows", len(r.app.Rows))
	}
	if n := r.s.Series(); n != 13 {
		t.Errorf("%d series", n)
	}
}

func TestConflicts(t *testing.T) {
	r := newRig(t, Options{})
	r.send(1, "a:1|c\na:1|g\na:2|g\na:1|c|#x\na:1|ms\nb:1|c")
	r.send(2, "a:1|g")
	r.flush()
	r.counted("1", metric.StatsdTypeConflicts, 2)
	r.counted("2", metric.StatsdTypeConflicts, 0)
	r.counted("", metric.StatsdTypeConflicts, 2)
}

func TestBudget(t *testing.T) {
	r := newRig(t, Options{Budget: 10, Total: 15})
	for i := range 100 {
		r.send(1, fmt.Sprintf("n%d:1|c", i))
	}
	r.send(1, "g:7|g\nt:5|ms\nn3:1|c")
	for i := range 10 {
		r.send(2, fmt.Sprintf("n%d:1|c", i))
	}
	r.flush()
	r.balance()
	const over = overflowName + " type="
	i := -1
	for k, row := range r.app.Rows {
		if name(row) == over+"c" && row.Parent == 101 {
			i = k
		}
	}
	if i < 0 || metric.Columns(metric.App)[0].Value(r.app.Row(i)[metric.AppValue]) != 90 {
		t.Fatalf("overflow series of counters: row %d", i)
	}
	r.value(over+"g", metric.AppValue, 7)
	r.value(over+"ms", metric.AppCount, 1)
	r.counted("1", metric.StatsdSeries, 10)
	r.counted("1", metric.StatsdOverflowed, 92)
	r.counted("1", metric.StatsdAccepted, 103)
	r.counted("2", metric.StatsdSeries, 5) // the total is used up
	r.counted("2", metric.StatsdOverflowed, 5)
	r.counted("", metric.StatsdSeries, 15)
	r.send(1, overflowName+":1|c")
	r.flush()
	r.counted("1", metric.StatsdSeries, 10)
}

func TestExpiry(t *testing.T) {
	r := newRig(t, Options{Expiry: Expiry{Gauge: 10 * time.Second, Counter: 20 * time.Second}})
	r.send(1, "g:1|g\nc:1|c\nh:1|h")
	r.flush()
	gen := r.app.Gen
	r.now = r.now.Add(11 * time.Second)
	r.flush()
	if r.find("g type=g") >= 0 || len(r.app.Rows) != 2 || r.app.Gen == gen {
		t.Errorf("%d rows", len(r.app.Rows))
	}
	r.now = r.now.Add(10 * time.Second)
	r.send(1, "g:2|g|T5\nup:1|c|#x")
	r.flush()
	r.value("g type=g", metric.AppValue, 2) // its timestamp does not expire it
	r.value("up tags=x type=c", metric.AppValue, 1)
	if r.find("c type=c") >= 0 {
		t.Error("a silent counter stays")
	}
	r.counted("1", metric.StatsdSeries, 3)
	gen = r.app.Gen
	r.flush()
	if r.app.Gen != gen {
		t.Error("the generation changes without cause")
	}
}

// If a container's row changes, its series get new rows. If the container is gone, so
// are its series, but its ledger stays in the total.
func TestParents(t *testing.T) {
	r := newRig(t, Options{})
	r.parent = map[uint32]uint64{}
	r.send(1, "a:1|c\nbad")
	r.send(2, "a:1|c")
	r.flush()
	first := r.app.Rows[0]
	if first.Parent != 0 {
		t.Fatal("a parent out of nowhere")
	}
	r.parent[1] = 7
	r.flush()
	moved := 0
	for _, row := range r.app.Rows {
		if row.Parent == 7 {
			moved++
			if row.ID == first.ID {
				t.Error("a row changed in place")
			}
		}
	}
	if moved != 1 {
		t.Errorf("%d rows moved", moved)
	}
	delete(r.parent, 1)
	r.flush()
	r.now = r.now.Add(30 * time.Second)
	r.flush()
	if len(r.app.Rows) != 2 {
		t.Error("series went before the container's last tick was sure to be seen")
	}
	r.now = r.now.Add(time.Minute)
	r.flush()
	r.flush()
	if len(r.app.Rows) != 1 || len(r.ledger.Rows) != 2 {
		t.Errorf("%d rows, %d ledgers", len(r.app.Rows), len(r.ledger.Rows))
	}
	r.counted("", metric.StatsdReceived, 3)
	r.counted("", metric.StatsdRejectedSyntax, 1)
	r.balance()
	r.send(1, "a:1|c")
	r.flush()
	r.counted("1", metric.StatsdReceived, 1)
	r.counted("", metric.StatsdReceived, 4)
}

// The rows of a sender without a Container row have the labels that are known of it. The
// sender is forgotten after an hour without a line.
func TestWithoutRow(t *testing.T) {
	var retired []uint32
	r := newRig(t, Options{
		Labels: func(uint32) []frame.Label {
			return []frame.Label{{Name: "container_id", Value: "abc"}, {Name: "task_name", Value: "web"}}
		},
		Key:     func(uint32) string { return "abc" },
		Retired: func(o uint32) { retired = append(retired, o) },
	})
	r.parent = map[uint32]uint64{}
	r.send(1, "a:1|c|#x:y")
	r.flush()
	r.value("a container_id=abc tag.x=y task_name=web type=c", metric.AppValue, 1)
	r.counted("abc", metric.StatsdAccepted, 1)
	r.parent[1] = 5
	r.flush()
	r.value("a tag.x=y type=c", metric.AppValue, 1)
	delete(r.parent, 1)
	r.flush()
	r.now = r.now.Add(2 * time.Minute)
	r.flush()
	if len(retired) != 1 || retired[0] != 1 {
		t.Errorf("retired: %v", retired)
	}
	r.send(3, "bad")
	r.flush()
	r.now = r.now.Add(50 * time.Minute)
	r.flush()
	r.send(3, "bad")
	r.now = r.now.Add(50 * time.Minute)
	r.flush()
	r.counted("abc", metric.StatsdReceived, 2)
	r.now = r.now.Add(61 * time.Minute)
	r.flush()
	r.flush()
	if len(r.ledger.Rows) != 1 || len(retired) != 2 {
		t.Errorf("%d ledgers, retired: %v", len(r.ledger.Rows), retired)
	}
	r.counted("", metric.StatsdReceived, 3)
}
