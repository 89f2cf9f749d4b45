package collector

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/journal/logs"
	"github.com/daytwo/daytwo/collector/shipping"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// exportEntry appends an entry as services write them, in the journal's export format.
func exportEntry(b *bytes.Buffer, i int) {
	unit := fmt.Sprintf("unit%d.service", i%30)
	fmt.Fprintf(b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n", 1_700_000_000_000_000+i*1000, 1+i*1000)
	fmt.Fprintf(b, "_BOOT_ID=07000000000000000000000000000000\nPRIORITY=%d\n_SYSTEMD_UNIT=%s\n_PID=%d\n", i%8, unit,
		1000+i%300)
	fmt.Fprintf(b, "_UID=0\n_GID=0\n_COMM=app\n_EXE=/usr/bin/app\n_CMDLINE=/usr/bin/app --serve %s\n", unit)
	fmt.Fprintf(b, "_SYSTEMD_CGROUP=/system.slice/%s\n_SYSTEMD_SLICE=system.slice\n_HOSTNAME=host\n_TRANSPORT=stdout\n",
		unit)
	fmt.Fprintf(b, "_MACHINE_ID=00000000000000000000000000000001\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\n")
	fmt.Fprintf(b, "MESSAGE=GET /api/v1/orders/%d HTTP/1.1 200 %d by user%d in %d ms\n\n", i*7919%1_000_000, i%5000,
		i%1000, i%977)
}

// From files of the journal to a stream of a real server in this process.
func BenchmarkShipJournal(b *testing.B) {
	const remote = "/lib/systemd/systemd-journal-remote"
	if _, err := exec.LookPath(remote); err != nil {
		rig.Missing(b, remote, err.Error(), "apt-get install systemd-journal-remote")
	}
	const n, files = 200_000, 10
	dir := b.TempDir()
	for file := range files {
		var export bytes.Buffer
		for i := file * n / files; i < (file+1)*n/files; i++ {
			exportEntry(&export, i)
		}
		cmd := exec.Command(remote, "--split-mode=none", "-o", filepath.Join(dir, fmt.Sprintf("system@%d.journal", file)),
			"-")
		cmd.Stdin = &export
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	for _, c := range []struct{ name, rules string }{
		{"all", ""},
		{"rules", "filter: [drop: {unit: 'session-*'}]\nredact: [{known: [email, credit_card, bearer_token]}]\nfields: " +
			"{drop: [_MACHINE_ID]}"},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, err := rules.Parse([]byte(c.rules))
			if err != nil {
				b.Fatal(err)
			}
			var sent, stored uint64
			for b.Loop() {
				st := shipAll(b, dir, r, n)
				stored, sent = stored+st.Stored, sent+st.Bytes
			}
			b.ReportMetric(float64(stored)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(sent)/float64(stored), "B/entry")
		})
	}
}

// shipAll ships all entries of a directory once.
func shipAll(b *testing.B, dir string, r *rules.Rules, n uint64) shipping.Stats {
	b.StopTimer()
	defer b.StartTimer()
	srv, err := embedded.Start(embedded.Options{StoreDir: b.TempDir(), Log: silent})
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	conn, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Log: silent})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	node := logs.New(logs.Options{Agent: "a", Dirs: []string{dir}, Log: silent})
	defer node.Close()
	s, err := shipping.New(shipping.Options{Conn: conn, Agent: "a", Stream: bus.Config{MaxBytes: 64 << 20}, Logs: node,
		Dir: b.TempDir(), Since: 50 * 365 * 24 * time.Hour, Rules: r, Log: silent})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	b.StartTimer()
	go func() { s.Run(ctx); close(done) }()
	for s.Stats().Read < n {
		time.Sleep(100 * time.Microsecond)
	}
	cancel()
	<-done
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if st := s.Stats(); st.Stored != n {
		b.Fatalf("%+v", st)
	}
	return s.Stats()
}
