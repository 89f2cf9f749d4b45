package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/query"
)

// benchEntries is how many entries the benchmarks' journal has; DAYTWO_JOURNAL_ENTRIES
// sets another number.
func benchEntries() int {
	if n, err := strconv.Atoi(os.Getenv("DAYTWO_JOURNAL_ENTRIES")); err == nil {
		return n
	}
	return 100_000
}

// BenchmarkLogs asks for what people ask for, of 150 files; BenchmarkLogsWithPieces the same,
// where one line is in pieces.
func BenchmarkLogs(b *testing.B)           { benchmarkLogs(b, false) }
func BenchmarkLogsWithPieces(b *testing.B) { benchmarkLogs(b, true) }

func benchmarkLogs(b *testing.B, pieces bool) {
	dir := b.TempDir()
	const files = 150
	n := benchEntries()
	size := 0
	for f := range files {
		var lines []line
		for i := f * n / files; i < (f+1)*n/files; i++ {
			unit := fmt.Sprintf("unit%d.service", i%40)
			message := fmt.Sprintf("request %d served in %d ms, %s", i, i%977, strings.Repeat("and more of it ", 20))
			size += len(message)
			lines = append(lines, line{realtime: longAgo + int64(i)*1000, monotonic: 1 + int64(i)*1000, boot: boot1,
				fields: []string{fmt.Sprint("PRIORITY=", i%8), "_SYSTEMD_UNIT=" + unit, fmt.Sprint("_PID=", 1000+i%300), "_UID=0",
					"_COMM=dockerd", "_EXE=/usr/bin/dockerd", "_SYSTEMD_CGROUP=/system.slice/" + unit, "_HOSTNAME=host",
					"_TRANSPORT=journal", "SYSLOG_IDENTIFIER=app", "CONTAINER_NAME=" + fmt.Sprint("c", i%500),
					"CONTAINER_ID_FULL=" + fmt.Sprintf("%064x", i%500), "MESSAGE=" + message}})
		}
		if pieces && f == files/4 {
			mark := func(i int, last bool) {
				lines[i].fields = append(slices.Clone(lines[0].fields), "CONTAINER_PARTIAL_ID=x",
					fmt.Sprint("CONTAINER_PARTIAL_ORDINAL=", i), fmt.Sprint("CONTAINER_PARTIAL_LAST=", last))
				if !last {
					lines[i].fields = append(lines[i].fields, "CONTAINER_PARTIAL_MESSAGE=true")
				}
			}
			mark(1, false)
			mark(2, true)
		}
		writeJournal(b, filepath.Join(dir, fmt.Sprintf("system@%d.journal", f)), lines)
	}
	logs := node(b, nil, dir)
	for name, q := range map[string]query.LogQuery{
		"all":          {},
		"last100":      {Containers: []string{fmt.Sprintf("%064x", 77)}, Tail: true, Limit: 100},
		"grep/literal": {Grep: "not to be found"},
		"grep/regexp":  {Grep: "not to be (found|seen)"},
	} {
		b.Run(name, func(b *testing.B) {
			entries := 0
			for b.Loop() {
				r, err := logs.Entries(b.Context(), &q)
				if err != nil {
					b.Fatal(err)
				}
				for {
					rec, err := r.Next(b.Context())
					if err == io.EOF {
						break
					}
					if err != nil || rec.Entry == nil {
						b.Fatal(rec.Event, err)
					}
					entries++
				}
				r.Close()
			}
			if strings.HasPrefix(name, "grep") {
				b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
			}
			b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
		})
	}
	for name, q := range map[string]query.LogQuery{
		"all": {}, "unit": {Units: []string{"unit7.service"}}, "errors": {Priority: &query.PriorityRange{Max: 3}},
		"field": {Matches: []string{"_PID=1007"}}, "container": {Containers: []string{fmt.Sprintf("%064x", 77)}},
	} {
		b.Run("histogram/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := logs.Histogram(b.Context(), &q, 60_000_000); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("values/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := logs.Values(b.Context(), &q, "SYSLOG_IDENTIFIER", 100); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
