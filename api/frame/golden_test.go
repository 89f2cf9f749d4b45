package frame

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenTicks is a keyframe and two deltas with a value of every sort, a row
// that goes, one that comes and one that changes its place.
func goldenTicks() []*Batch {
	width := metric.Width(metric.ContainerNet)
	row := func(vals ...int64) []int64 { return append(vals, make([]int64, width-len(vals))...) }
	rows := []*Row{
		{ID: 1, Key: "/system.slice/nginx.service", Labels: []Label{{"unit", "nginx.service"}}},
		{
			ID:     2,
			Parent: 1,
			Key:    "eth0",
			Labels: []Label{{"container_id", "3f2a9c"}, {"task_id", "web.1"}, {"task_name", "wéb"}},
		},
		{ID: 3, Parent: 1, Key: "not utf-8: \xff"},
	}
	head := Header{Agent: "node-1", Boot: 0x0123456789abcdef, Time: 1_700_000_000_000_000_000, Interval: 1e9}
	tick := func(seq uint64, gen uint64, rows []*Row, vals ...[]int64) *Batch {
		b := &Batch{Header: head}
		b.Seq, b.Time = seq, head.Time+int64(seq)*head.Interval
		b.Tables = []Table{{Kind: metric.ContainerNet, Gen: gen, Rows: rows, Vals: join(vals)}}
		return b
	}
	added := &Row{ID: 9, Parent: 1, Key: "eth1", Labels: []Label{{"container_id", "3f2a9c"}}}
	return []*Batch{
		tick(7, 1, rows, row(1, -1, metric.Absent, metric.Unlimited), row(1<<40, 300), row()),
		tick(8, 1, rows, row(2, -1, metric.Absent, 5), row(1<<40+1500, metric.Absent), row()),
		tick(9, 2, []*Row{rows[2], added, rows[0]}, row(4), row(1, 2, 3), row(metric.Absent, 0, 7)),
	}
}

func join(rows [][]int64) []int64 {
	var all []int64
	for _, r := range rows {
		all = append(all, r...)
	}
	return all
}

// dump writes a batch as text. Absent values are left out, so that columns that
// are added to the catalogue later change nothing.
func dump(b *Batch) string {
	var s strings.Builder
	fmt.Fprintf(
		&s,
		"agent %s boot %016x seq %d key %d time %d interval %d part %d/%d\n",
		b.Agent,
		b.Boot,
		b.Seq,
		b.Key,
		b.Time,
		b.Interval,
		b.Part,
		b.Parts,
	)
	for i := range b.Tables {
		t := &b.Tables[i]
		fmt.Fprintf(&s, "table %s gen %d\n", t.Kind, t.Gen)
		for r, row := range t.Rows {
			fmt.Fprintf(&s, "\trow %d parent %d key %q labels %q\n", row.ID, row.Parent, row.Key, row.Labels)
			for c, v := range t.Row(r) {
				if v != metric.Absent {
					fmt.Fprintf(&s, "\t\t%s %d\n", metric.Columns(t.Kind)[c].Name, v)
				}
			}
		}
	}
	return s.String()
}

// Frames that were written once are read for ever: these files are only added
// to. Run with -update for a new version of the format, under new names.
func TestGolden(t *testing.T) {
	for codec, name := range map[Codec]string{Zstd: "zstd", S2: "s2", Raw: "raw"} {
		enc := NewEncoder(EncoderOptions{Codec: codec})
		enc.small = 0
		dec := NewDecoder()
		var key Batch
		for i, b := range goldenTicks() {
			file := filepath.Join("testdata", fmt.Sprintf("v1-%s-%d", name, i))
			wrote := bytes.Clone(encode(t, enc, b)[0])
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, file+".frame", wrote)
				write(t, file+".txt", []byte(dump(b)))
			}
			data, want := read(t, file+".frame"), read(t, file+".txt")
			got := &Batch{}
			if err := dec.Decode(data, &key, got); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if text := dump(got); text != string(want) {
				t.Errorf("%s reads as\n%s\nwant\n%s", file, text, want)
			}
			if codec == Raw && !bytes.Equal(wrote, data) && metric.Width(metric.ContainerNet) == 8 {
				t.Errorf("%s: the encoder writes other bytes\n% x\n% x", file, wrote, data)
			}
			if got.Keyframe() {
				key = *got
			}
		}
	}
}

func write(t testing.TB, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
