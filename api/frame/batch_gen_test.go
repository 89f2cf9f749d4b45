package frame

import (
	"fmt"
	"math/rand/v2"

	"github.com/daytwo/daytwo/api/metric"
)

// world makes the ticks of one node with rows that come, go, move and change.
type world struct {
	r     *rand.Rand
	b     Batch
	next  uint64
	gen   uint64
	noGen bool    // leave Gen 0
	busy  float64 // share of rows that move in a tick
	churn float64 // chance of a change of rows in a tick

	member uint64 // of a set, the last one
}

func newWorld(seed uint64, containers int) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 1)), busy: 0.1}
	w.b.Header = Header{Agent: "node-1", Boot: seed + 7, Time: 1_700_000_000e9, Interval: 1e9}
	for _, k := range []metric.Kind{metric.Host, metric.Disk, metric.Container, metric.ContainerIO} {
		if metric.Width(k) > 0 {
			w.b.Tables = append(w.b.Tables, Table{Kind: k, Gen: 1})
		}
	}
	w.gen = 1
	for range containers {
		w.add()
	}
	return w
}

func (w *world) table(k metric.Kind) *Table { return w.b.Table(k) }

// add makes a container with one device.
func (w *world) add() {
	w.next++
	id := w.next
	name := fmt.Sprintf("%064x", w.r.Uint64())
	row := &Row{ID: id, Key: "/docker/" + name, Labels: []Label{
		{"container_id", name}, {"image", fmt.Sprintf("registry.example/app-%d:v1", id%7)},
		{"task_id", fmt.Sprintf("app.%d", id)}, {"task_name", fmt.Sprintf("app-%d", id%50)}}}
	w.append(metric.Container, row)
	w.next++
	w.append(metric.ContainerIO, &Row{ID: w.next, Parent: id, Key: "sda"})
}

func (w *world) append(k metric.Kind, row *Row) {
	t := w.table(k)
	t.Rows = append(t.Rows, row)
	if k == metric.App {
		t.Histograms = append(t.Histograms, w.histogram())
		t.Sets = append(t.Sets, nil)
		if n := len(t.Sets) - 1; t.Histograms[n] == nil {
			t.Sets[n] = w.set()
		}
	}
	for c := range t.Width() {
		t.Vals = append(t.Vals, w.value(c))
	}
	w.changed(t)
}

// value is a first value as they are in life: mostly nothing, some limits, some counters.
func (w *world) value(c int) int64 {
	switch c * 7 % 10 {
	case 0, 1:
		return metric.Absent
	case 2:
		return metric.Unlimited
	case 3, 4, 5:
		return w.r.Int64N(1 << 34)
	}
	return 0
}

func (w *world) changed(t *Table) {
	w.gen++
	t.Gen = w.gen
	if w.noGen {
		t.Gen = 0
	}
}

// remove takes row i out.
func (w *world) remove(t *Table, i int) {
	width := t.Width()
	t.Rows = append(t.Rows[:i:i], t.Rows[i+1:]...)
	t.Vals = append(t.Vals[:i*width:i*width], t.Vals[(i+1)*width:]...)
	if t.Kind == metric.App {
		t.Histograms = append(t.Histograms[:i:i], t.Histograms[i+1:]...)
		t.Sets = append(t.Sets[:i:i], t.Sets[i+1:]...)
	}
	w.changed(t)
}

// tick moves the world on by one interval.
func (w *world) tick() *Batch {
	w.b.Seq++
	w.b.Time += w.b.Interval
	for i := range w.b.Tables {
		t := &w.b.Tables[i]
		for r := range t.Rows {
			if w.r.Float64() < w.busy {
				w.move(t.Row(r))
				if t.Kind == metric.App {
					w.observe(t, r)
					w.gather(t, r)
				}
			}
		}
		if w.r.Float64() < w.churn {
			w.disturb(t)
		}
	}
	if w.r.Float64() < w.churn {
		w.add()
	}
	return &w.b
}

// move changes about a tenth of a row's values.
func (w *world) move(row []int64) {
	for c := range row {
		if c%10 == 3 || w.r.IntN(20) == 0 {
			switch row[c] {
			case metric.Absent, metric.Unlimited:
				if w.r.IntN(10) == 0 {
					row[c] = w.r.Int64()
				}
			default:
				row[c] += w.r.Int64N(1 << w.r.IntN(24))
				if w.r.IntN(100) == 0 {
					row[c] = metric.Absent
				}
			}
		}
	}
}

// disturb removes, moves or renames a row.
func (w *world) disturb(t *Table) {
	n := len(t.Rows)
	if n < 2 {
		return
	}
	i := w.r.IntN(n)
	switch w.r.IntN(3) {
	case 0:
		w.remove(t, i)
	case 1:
		j := w.r.IntN(n)
		t.Rows[i], t.Rows[j] = t.Rows[j], t.Rows[i]
		a, b := t.Row(i), t.Row(j)
		for c := range a {
			a[c], b[c] = b[c], a[c]
		}
		if t.Kind == metric.App {
			t.Histograms[i], t.Histograms[j] = t.Histograms[j], t.Histograms[i]
			t.Sets[i], t.Sets[j] = t.Sets[j], t.Sets[i]
		}
		w.changed(t)
	default:
		w.next++
		row := *t.Rows[i]
		labels := row.Labels
		if row.Label("application_name") != "" {
			labels = labels[1:]
		}
		row.ID, row.Labels = w.next, append([]Label{{"application_name", fmt.Sprint("renamed ", w.next)}}, labels...)
		t.Rows[i] = &row
		w.changed(t)
	}
}
