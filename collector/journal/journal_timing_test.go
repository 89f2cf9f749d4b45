package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// benchEntries is how many entries the benchmarks' journals have;
// DAYTWO_JOURNAL_ENTRIES sets another number.
func benchEntries(t testing.TB) int { return number(t, "DAYTWO_JOURNAL_ENTRIES", 100_000) }

const benchFiles, benchUnits, benchContainers = 150, 40, 500

var bench struct {
	once sync.Once
	dir  string
}

// TestMain removes what the benchmarks share.
func TestMain(m *testing.M) {
	code := m.Run()
	if bench.dir != "" {
		os.RemoveAll(bench.dir)
	}
	os.Exit(code)
}

// benchJournals makes a directory of many files of one machine, with entries as
// services write them.
func benchJournals(b *testing.B) (j *Journal, dir string) {
	b.Helper()
	needJournalctl(b)
	bench.once.Do(func() {
		dir, err := os.MkdirTemp("", "daytwo-journal-")
		if err != nil {
			b.Fatal(err)
		}
		bench.dir = dir
		n := benchEntries(b)
		for file := range benchFiles {
			var export bytes.Buffer
			for i := file * n / benchFiles; i < (file+1)*n/benchFiles; i++ {
				benchEntry(i).appendExport(&export)
			}
			writeRemote(b, filepath.Join(dir, fmt.Sprintf("system@%d.journal", file)), export.Bytes())
		}
	})
	j = openDir(b, bench.dir)
	b.ResetTimer()
	return j, bench.dir
}

func benchEntry(i int) *testEntry {
	unit, container := fmt.Sprintf("unit%d.service", i%benchUnits), fmt.Sprintf("%064x", i%benchContainers)
	return &testEntry{realtime: longAgo + uint64(i)*1000, monotonic: 1 + uint64(i)*1000, fields: []string{
		"_BOOT_ID=07000000000000000000000000000000", fmt.Sprint("PRIORITY=", i%8), "_SYSTEMD_UNIT=" + unit,
		fmt.Sprint("_PID=", 1000+i%300),
		"_UID=0", "_GID=0", "_COMM=app", "_EXE=/usr/bin/app", "_CMDLINE=/usr/bin/app --serve " + unit,
		"_SYSTEMD_CGROUP=/system.slice/" + unit,
		"_SYSTEMD_SLICE=system.slice", "_MACHINE_ID=00000000000000000000000000000001", "_HOSTNAME=host", "_TRANSPORT=stdout",
		"SYSLOG_FACILITY=3", "SYSLOG_IDENTIFIER=app", "CONTAINER_ID_FULL=" + container,
		fmt.Sprintf("MESSAGE=request %d served in %d ms", i, i%977),
	}}
}

// BenchmarkRead and BenchmarkJournalctl read the same files; compare entries/s.
func BenchmarkRead(b *testing.B) {
	for name, appendTo := range map[string]func(r *Reader, dst []byte) ([]byte, error){
		"json":   func(r *Reader, dst []byte) ([]byte, error) { return r.AppendJSON(dst, &JSONOptions{Threshold: 4096}) },
		"export": func(r *Reader, dst []byte) ([]byte, error) { return r.AppendExport(dst) },
	} {
		b.Run(name, func(b *testing.B) {
			j, _ := benchJournals(b)
			entries := 0
			for b.Loop() {
				r := j.Reader(Match{})
				var line []byte
				for r.Next() {
					var err error
					if line, err = appendTo(r, line[:0]); err != nil {
						b.Fatal(err)
					}
					entries++
				}
				r.Close()
			}
			b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkJournalctl(b *testing.B) {
	for _, format := range []string{"json", "export"} {
		b.Run(format, func(b *testing.B) {
			_, dir := benchJournals(b)
			entries := 0
			for b.Loop() {
				journalctl(b, dir, "-o", format)
				entries += benchEntries(b)
			}
			b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkSelect selects few entries of all files, by this package and by
// journalctl.
func BenchmarkSelect(b *testing.B) {
	for name, q := range map[string]query{
		"container": {matches: []string{"CONTAINER_ID_FULL=" + fmt.Sprintf("%064x", 77)}},
		"unit":      {matches: []string{"_SYSTEMD_UNIT=unit7.service", "PRIORITY=7"}},
		"since":     {since: longAgo + uint64(benchEntries(b))*990},
		"last":      {matches: []string{"CONTAINER_ID_FULL=" + fmt.Sprintf("%064x", 77)}, limit: 100, reverse: true},
	} {
		b.Run(name, func(b *testing.B) {
			j, _ := benchJournals(b)
			var line []byte
			for b.Loop() {
				q.each(b, j, func(r *Reader) {
					var err error
					if line, err = r.AppendExport(line[:0]); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
		b.Run(name+"/journalctl", func(b *testing.B) {
			_, dir := benchJournals(b)
			for b.Loop() {
				journalctl(b, dir, append(q.args(), "-o", "export")...)
			}
		})
	}
}

// BenchmarkFields reads the fields of all entries, and the messages alone.
func BenchmarkFields(b *testing.B) {
	for name, read := range map[string]func(r *Reader) error{
		"all": func() func(r *Reader) error {
			var buf []byte
			var fields []logentry.Field
			return func(r *Reader) (err error) {
				buf, fields, err = r.AppendFields(buf[:0], fields[:0])
				return err
			}
		}(),
		"message": func(r *Reader) error {
			_, err := r.Value("MESSAGE", func([]byte) {})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			j, _ := benchJournals(b)
			entries := 0
			for b.Loop() {
				r := j.Reader(Match{})
				for r.Next() {
					if err := read(r); err != nil {
						b.Fatal(err)
					}
					entries++
				}
				r.Close()
			}
			b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkNewFile measures how long it takes until who waits can read the entry of a file
// that was made.
func BenchmarkNewFile(b *testing.B) {
	r, made := watchedJournal(b)
	var took []time.Duration
	for b.Loop() {
		if len(took) == 200 { // the directory is not to become large
			continue
		}
		made(fmt.Sprintf("user-%d.journal", len(took)))
		began := time.Now()
		for !r.Next() {
			if err := r.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "ms/half-within")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "ms/99%-within")
}
