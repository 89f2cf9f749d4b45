package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os/exec"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logs"
)

// selectRounds is how often each query is asked, in turn with journalctl.
const selectRounds = 9

// selectJournal finds few entries among all of them.
func selectJournal(r *report, j *journal.Journal, dir string) error {
	r.printf("\nFew entries of all files, as -o export: CPU time, the least of %d rounds in which both are asked in "+
		"turn. The last line is a query as the collector answers it.\n\n"+
		"| what | entries | daytwo | journalctl | times |\n|---|---:|---:|---:|---:|\n", selectRounds)
	container := "CONTAINER_ID_FULL=" + containerID(77)
	since := journalStart() + int64(journalEntries)*990
	node := logs.New(logs.Options{Agent: "a", Dirs: []string{dir}, Log: slog.New(slog.DiscardHandler)})
	defer node.Close()
	for _, q := range []struct {
		what string
		own  func() (int, error)
		args []string
	}{
		{"a unit and a priority", selected(j, 0, 0, "_SYSTEMD_UNIT=unit7.service", "PRIORITY=7"),
			[]string{"_SYSTEMD_UNIT=unit7.service", "PRIORITY=7"}},
		{"a container", selected(j, 0, 0, container), []string{container}},
		{"the last hundredth of the time", selected(j, since, 0),
			[]string{"--since", "@" + strconv.FormatInt(since/1e6, 10)}},
		{"the last 100 of a container", selected(j, 0, 100, container), []string{"-n", "100", container}},
		{"the last 100 of a container, on the node", asked(node, query.LogQuery{Containers: []string{containerID(77)},
			Tail: true, Limit: 100}), []string{"-n", "100", container}},
	} {
		args := append([]string{"-q", "--no-pager", "--directory", dir, "-o", "export"}, q.args...)
		n := 0
		var own, theirs time.Duration
		for range selectRounds {
			before := cpuTime()
			var err error
			if n, err = q.own(); err != nil {
				return err
			}
			between := cpuTime()
			if err := toDevNull(exec.Command("journalctl", args...)); err != nil {
				return err
			}
			own, theirs = lesser(own, between-before), lesser(theirs, cpuTime()-between)
		}
		r.printf("| %s | %d | %.2f ms | %.2f ms | %.1f |\n", q.what, n, ms(own), ms(theirs), float64(theirs)/float64(own))
	}
	return nil
}

// lesser returns the lesser one of two times, of which the first is 0 if there is none yet.
func lesser(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// selected reads what matches from a time on, or the last entries.
func selected(j *journal.Journal, since int64, last int, matches ...string) func() (int, error) {
	return func() (n int, err error) {
		m, err := journal.ParseMatches(matches...)
		if err != nil {
			return 0, err
		}
		r := j.Reader(m)
		defer r.Close()
		next := r.Next
		switch {
		case last > 0:
			r.SeekTail()
			next = r.Previous
		case since > 0:
			r.SeekRealtime(uint64(since / 1e6 * 1e6)) // journalctl is given whole seconds
		}
		var line []byte
		for (last == 0 || n < last) && next() {
			n++
			if line, err = r.AppendExport(line[:0]); err != nil {
				return n, err
			}
			if _, err = io.Discard.Write(line); err != nil {
				return n, err
			}
		}
		return n, nil
	}
}

// asked reads the entries of a query.
func asked(node *logs.Node, q query.LogQuery) func() (int, error) {
	return func() (n int, err error) {
		r, err := node.Entries(context.Background(), &q)
		if err != nil {
			return 0, err
		}
		defer r.Close()
		for {
			rec, err := r.Next(context.Background())
			switch {
			case errors.Is(err, io.EOF):
				return n, nil
			case err != nil:
				return n, err
			case rec.Entry != nil:
				n++
			}
		}
	}
}
