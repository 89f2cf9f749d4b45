package server

import (
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/history"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// endingTick is a tick of a node, some minutes ago, that has some of its containers.
func endingTick(seq uint64, minutes int, rows ...*frame.Row) *frame.Batch {
	b := testtick.New(0, false)
	b.Seq, b.Key, b.Time = seq, seq, time.Now().Add(-time.Duration(minutes)*time.Minute).UnixNano()
	table := frame.Table{Kind: metric.Container, Gen: seq}
	for _, r := range rows {
		testtick.AddRow(&table, r)[metric.CPUUsage] = int64(seq)
	}
	if b.Table(metric.Container) == nil {
		b.Tables = append(b.Tables, table)
	} else {
		*b.Table(metric.Container) = table
	}
	return b
}

// The unmodified DC/OS command line lists tasks that ended, and reads their logs.
func TestDCOSCommandLineCompleted(t *testing.T) {
	h := history.New(t)
	runs, ended := testtick.Container(0), testtick.Container(1)
	other := *testtick.Container(2)
	other.Labels = testtick.Labels("container_id", "other", "framework_id", "f-0002", "framework_name", "jobs",
		"task_id", "job.1", "task_name", "job")
	h.Put(endingTick(1, 9, runs, ended, &other))
	h.Put(endingTick(2, 5, runs))
	l := &dcosLogs{Logs: testlogs.New("")}
	l.add(0, "STDOUT", "of the one that runs")
	l.add(1, "STDOUT", "of the one that ended")
	relay := serve(t, Options{Fleet: h.Fleet, History: h.Store, Agent: testtick.Agent, Cluster: "c", Version: "1",
		Logs: l})
	for _, capabilities := range []string{
		`{"capabilities":[{"name":"LOGGING_V2"},{"name":"LOGGING"}]}`, `{"capabilities":[{"name":"LOGGING"}]}`,
	} {
		c := rig.DCOS(t, capable(t, relay.URL, capabilities), testToken)
		run := func(args ...string) string {
			t.Helper()
			out, errs, status := c.Run(t, args...)
			if status != 0 {
				t.Fatalf("dcos %q: status %d\n%s%s", args, status, out, errs)
			}
			return out
		}
		for _, want := range []struct {
			args   []string
			has    []string
			hasNot []string
		}{
			{[]string{"task"}, []string{"web.0"}, []string{"web.1", "job.1"}},
			{[]string{"task", "--completed"}, []string{"web.1", "job.1", " G "}, []string{"web.0"}},
			{[]string{"task", "--all"}, []string{"web.0", "web.1", "job.1"}, nil},
			{[]string{"task", "--completed", "--json", "job"}, []string{`"TASK_GONE"`, `"other"`}, []string{"web."}},
			{[]string{"task", "log", "--completed", "web.1"}, []string{"of the one that ended"}, []string{"that runs"}},
			{[]string{"task", "ls", "--completed", "web.1"}, []string{"stdout"}, nil},
		} {
			out := run(want.args...)
			for _, text := range want.has {
				if !strings.Contains(out, text) {
					t.Errorf("dcos %q does not print %q:\n%s", want.args, text, out)
				}
			}
			for _, text := range want.hasNot {
				if strings.Contains(out, text) {
					t.Errorf("dcos %q prints %q:\n%s", want.args, text, out)
				}
			}
		}
	}
}

// Somebody sees the ended tasks that the policy lets them see.
func TestEndedTasksAreFiltered(t *testing.T) {
	h := history.New(t)
	of := func(i int, app, task string) *frame.Row {
		r := testtick.Container(i)
		r.Labels = testtick.Labels("container_id", task+"-id", "task_id", task, "application_name", app)
		return r
	}
	runs := of(0, shop, "shop.runs")
	h.Put(endingTick(1, 9, runs, of(1, shop, "shop.ended"), of(2, "/"+hidden, hidden)))
	h.Put(endingTick(2, 5, runs))
	srv, sign, _ := accessServer(t, Options{Fleet: h.Fleet, History: h.Store, Agent: testtick.Agent}, testRules)
	for _, path := range []string{"/mesos/master/state", "/slave/" + testtick.Agent + "/state"} {
		if _, body := ask(t, srv, testToken, "GET", path); !strings.Contains(body, hidden) {
			t.Errorf("%s has nothing to hide: %s", path, body)
		}
		if _, body := ask(t, srv, sign("anna"), "GET", path); strings.Contains(body, hidden) ||
			!strings.Contains(body, "shop.ended") {
			t.Errorf("%s: %s", path, body)
		}
	}
}
