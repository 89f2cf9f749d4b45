package logs

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// What a task or a unit that matches a pattern writes first comes although the follower has
// read beyond it before the name was known; nothing comes twice.
func TestFollowLate(t *testing.T) {
	for _, q := range []query.LogQuery{
		{Tasks: []string{"load-*"}}, {Units: []string{"load-*"}}, {Tasks: []string{"load-*"}, Tail: true, Limit: 5},
		{Tasks: []string{"load-*"}, Grep: "[13579]$"},
	} {
		dir := t.TempDir()
		w := newWriter(t, dir)
		written := map[string][]string{}
		write := func(task string, n int, shows bool) {
			message := fmt.Sprint(task, " ", n)
			w.write(line{boot: boot1, fields: []string{"MESSAGE=" + message, "_UID=0", "_SYSTEMD_UNIT=" + task + ".service",
				"_SYSTEMD_CGROUP=/system.slice/" + task + ".service", "TASK_NAME=" + task, "CONTAINER_ID=" + task}}, 0)
			if shows {
				written[task] = append(written[task], message)
			}
		}
		write("other", 1, false)
		write("load-0", 1, true)
		n := node(t, nil, dir)
		f := follow(t, n, q)
		got := map[string][]string{}
		read := func(until func() bool) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for !until() {
				rec, err := f.r.Next(ctx)
				if err != nil {
					t.Fatalf("%+v: %v after %d", q, err, len(got))
				}
				if rec.Entry != nil {
					task := rec.Entry.Origin.Tag("task_name")
					got[task] = append(got[task], short(rec.Entry))
				}
			}
		}
		read(func() bool { return len(got["load-0"]) == 1 })
		for i := range 3 { // tasks that start one after the other
			task := fmt.Sprint("load-", i+1)
			for k := range 20 {
				write(task, k, q.Grep == "" || k%2 == 1)
				write("other", k, false)
				write("load-0", 100*i+k+10, q.Grep == "" || k%2 == 1)
				read(func() bool { return len(got["load-0"]) == len(written["load-0"]) })
			}
			read(func() bool { return len(got[task]) >= len(written[task]) })
		}
		write("load-2", 99, true)
		read(func() bool { return len(got["load-2"]) >= len(written["load-2"]) })
		for task, lines := range written {
			if !slices.Equal(got[task], lines) || len(got) != len(written) {
				t.Errorf("%+v: %s: %q, want %q", q, task, got[task], lines)
			}
		}
		f.r.Close()
	}
}
