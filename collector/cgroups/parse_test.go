package cgroups

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

func TestParseValue(t *testing.T) {
	for text, want := range map[string]int64{
		"0\n": 0, "42\n": 42, "-1\n": -1, "max\n": metric.Unlimited, "": metric.Absent, "x": metric.Absent,
		"-":                   metric.Absent,
		"9223372036854775807": math.MaxInt64, "18446744073709551615\n": math.MaxInt64,
		"99999999999999999999999": math.MaxInt64, "7 8\n": 7,
	} {
		if got := parseValue([]byte(text)); got != want {
			t.Errorf("parseValue(%q) = %d, want %d", text, got, want)
		}
	}
	if got := parseLimit([]byte("9223372036854771712\n")); got != metric.Unlimited {
		t.Errorf("v1's unset limit = %d", got)
	}
	if got := scaled(math.MaxInt64/10, 1000); got != math.MaxInt64 {
		t.Errorf("an overflow is %d", got)
	}
}

func absentRow() []int64 {
	row := make([]int64, metric.Width(metric.Container))
	for c := range row {
		row[c] = metric.Absent
	}
	return row
}

func TestParsePSI(t *testing.T) {
	row := absentRow()
	parsePSI([]byte("some avg10=0.12 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n"),
		metric.PSIIOSome, metric.PSIIOFull, row)
	if row[metric.PSIIOSome] != 123000 || row[metric.PSIIOFull] != 45000 {
		t.Errorf("%d %d", row[metric.PSIIOSome], row[metric.PSIIOFull])
	}
	parsePSI([]byte("full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n"), -1, metric.PSIIRQFull, row)
	if row[metric.PSIIRQFull] != 9000 {
		t.Errorf("irq: %d", row[metric.PSIIRQFull])
	}
}

func TestParseStat(t *testing.T) {
	v2, v1 := newStatParser(true), newStatParser(false)
	for range 2 { // the second time the order of lines is known
		row := absentRow()
		v2.parse([]byte("anon 1\nfile 2\nkernel 3\nunheard_of 4\npgfault 5\n"), AllParts, row)
		if row[metric.StatAnon] != 1 || row[metric.StatFile] != 2 || row[metric.StatKernel] != 3 ||
			row[metric.MemKernel] != 3 || row[metric.StatPgfault] != 5 {
			t.Errorf("v2: %d %d %d %d", row[metric.StatAnon], row[metric.StatFile], row[metric.MemKernel],
				row[metric.StatPgfault])
		}
		row = absentRow()
		v1.parse([]byte("cache 9\nrss 9\ntotal_cache 1\ntotal_rss 2\ntotal_swap 3\ntotal_pgfault 4\n"), AllParts, row)
		if row[metric.StatFile] != 1 || row[metric.StatAnon] != 2 || row[metric.MemSwap] != 3 ||
			row[metric.StatPgfault] != 4 || row[metric.MemKernel] != metric.Absent {
			t.Errorf("v1: %d %d %d %d", row[metric.StatFile], row[metric.StatAnon], row[metric.MemSwap], row[metric.StatPgfault])
		}
	}
	row := absentRow()
	v2.parse([]byte("pgfault 7\nfile 8\nkernel 1\n"), 1<<PartStat, row) // another order of lines, and one part only
	if row[metric.StatPgfault] != 7 || row[metric.StatFile] != 8 || row[metric.MemKernel] != metric.Absent {
		t.Errorf("another order: %d %d %d", row[metric.StatPgfault], row[metric.StatFile], row[metric.MemKernel])
	}
}

func TestParseIO(t *testing.T) {
	devs := parseIOStat([]byte("8:0 \n8:16 254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n259:1 rbytes=7 "+
		"cost.usage=9\n"), nil)
	if len(devs) != 2 || devs[0].dev != (Device{254, 0}) || devs[0].raw != [ioWidth]int64{1, 2, 3, 4, 5, 6} ||
		devs[1].raw[metric.IOReadBytes] != 7 || devs[1].raw[metric.IOWrites] != metric.Absent {
		t.Errorf("io.stat: %+v", devs)
	}
	devs = parseBlkio([]byte("8:0 Read 10\n8:0 Write 20\n8:0 Sync 5\n8:0 Discard 1\n8:0 Total 30\nTotal 30\n"),
		metric.IOReadBytes, metric.IOWriteBytes, metric.IODiscardBytes, nil)
	if len(devs) != 1 || devs[0].raw[metric.IOReadBytes] != 10 || devs[0].raw[metric.IOWriteBytes] != 20 ||
		devs[0].raw[metric.IODiscardBytes] != 1 || devs[0].raw[metric.IOReads] != metric.Absent {
		t.Errorf("blkio: %+v", devs)
	}
}

// FuzzParse passes any text to every parser. None may panic, loop for ever, or write a
// column that it does not fill.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "max 100000\n", "18446744073709551615\n", "-1\n", "usage_usec 12\nuser_usec 3\n", "anon 1\nfile 2\n",
		"some avg10=0.00 total=1\nfull total=\n",
		"254:0 rbytes=1 wbytes=\n", "8:0 Read 1\n8:0 Write x\nTotal 0\n", "populated 1\nfrozen 0\n",
		"99999999999:1 Read 1\n", "\n\n \n", "a", "anon", "anon \n", "total_cache 5",
	} {
		f.Add([]byte(s))
	}
	l := &Layout{Mode: "unified", Mounts: []Mount{{Dir: "/", V2: true}}}
	legacy := &Layout{Mode: "hybrid", Mounts: []Mount{{Dir: "/v1"}, {Dir: "/v2", V2: true}}, V2: 1}
	sizes := []pageSize{{bytes: 2 << 20, name: "2MB"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		for _, l := range []*Layout{l, legacy} {
			for _, sp := range buildSpecs(l, sizes).specs {
				if sp.list {
					continue
				}
				fs := &files{l: l, parts: sp.parts, sizes: sizes}
				e := &entry{huge: make([][hugeWidth]int64, 1)}
				for try := range 2 {
					row := absentRow()
					sp.parse(fs, e, row, text)
					for c, v := range row {
						if v != metric.Absent && !sp.parts.Has(columnParts[c]) {
							t.Fatalf("%s, reading %d: wrote %s", sp.name, try, metric.Columns(metric.Container)[c].Name)
						}
					}
				}
				if len(e.io) > strings.Count(string(text), ":") {
					t.Fatalf("%s: %d devices", sp.name, len(e.io))
				}
			}
		}
		if n := countLines(text); n > int64(len(text)) {
			t.Fatal(n)
		}
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
	})
}

func FuzzValidName(f *testing.F) {
	f.Add("/a\xffb")
	f.Add("/größe\xc3")
	f.Fuzz(func(t *testing.T, path string) {
		if s := validName(path); strings.ToValidUTF8(s, "") != s {
			t.Fatalf("%q is not UTF-8", s)
		}
	})
}
