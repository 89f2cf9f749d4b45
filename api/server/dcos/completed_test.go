package dcos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/history"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// ticksOf puts ticks of an agent into a history; each has some of four containers, of which
// the last is of another framework, and has the name of the first.
type ticksOf struct {
	h    *history.History
	rows []*frame.Row
	seq  uint64
}

func newTicksOf(t testing.TB) *ticksOf {
	k := &ticksOf{h: history.New(t)}
	for i := range 4 {
		r := testtick.Container(i)
		r.Labels = slices.Clone(r.Labels)
		for j := range r.Labels {
			switch l := &r.Labels[j]; {
			case i == 3 && l.Name == "framework_id":
				l.Value = "f-0002"
			case i == 3 && l.Name == "task_id":
				l.Value = "web.0"
			}
		}
		k.rows = append(k.rows, r)
	}
	return k
}

func (k *ticksOf) put(before time.Duration, containers ...int) {
	k.seq++
	b := testtick.New(4, false)
	b.Seq, b.Key, b.Time = k.seq, k.seq, time.Now().Add(-before).UnixNano()
	table := b.Table(metric.Container)
	table.Gen, table.Rows, table.Vals = k.seq, nil, nil
	for _, i := range containers {
		testtick.AddRow(table, k.rows[i])[metric.CPUUsage] = int64(k.seq)
	}
	k.h.Put(b)
}

// tasks returns the ids of tasks, "-" after those that ended, and what is completed.
func tasksOf(t *testing.T, api API) string {
	t.Helper()
	srv := serve(t, api)
	var state struct {
		Frameworks          []framework
		CompletedFrameworks []framework `json:"completed_frameworks"`
	}
	get(t, srv, "/mesos/master/state", &state)
	var agent struct {
		Frameworks          []agentFramework
		CompletedFrameworks []agentFramework `json:"completed_frameworks"`
	}
	get(t, srv, "/slave/"+testtick.Agent+"/state", &agent)
	var says, agentSays []string
	for i, list := range [][]framework{state.Frameworks, state.CompletedFrameworks} {
		for _, f := range list {
			if f.Active != (i == 0) || f.Tasks == nil {
				t.Errorf("%+v", f)
			}
			for _, tk := range f.Tasks {
				says = append(says, tk.ID)
			}
			for _, tk := range f.CompletedTasks {
				if says = append(says, tk.ID+"-"); tk.State != "TASK_GONE" || tk.SlaveID != testtick.Agent {
					t.Errorf("%+v", tk)
				}
			}
		}
	}
	for _, f := range slices.Concat(agent.Frameworks, agent.CompletedFrameworks) {
		for _, e := range f.Executors {
			agentSays = append(agentSays, e.Tasks[0].ID)
		}
		for _, e := range f.CompletedExecutors {
			agentSays = append(agentSays, e.CompletedTasks[0].ID+"-")
		}
	}
	if !slices.Equal(says, agentSays) {
		t.Errorf("the master says %q, the agent %q", says, agentSays)
	}
	return strings.Join(says, " ")
}

// Tasks that ended within the last hour are completed ones, the newest first; a container that
// runs again is not.
func TestCompletedTasks(t *testing.T) {
	k := newTicksOf(t)
	api := API{Fleet: k.h.Fleet, Ended: NewEnded(k.h.Fleet, k.h.Store)}
	again := func() string {
		api.Ended.read = time.Time{}
		return tasksOf(t, api)
	}
	k.put(70*time.Minute, 0, 1, 2, 3)
	k.put(50*time.Minute, 0, 1, 3)
	k.put(49*time.Minute, 0, 1)
	k.put(10*time.Minute, 0, 1) // after a long gap
	k.put(9*time.Minute, 0)
	last := fmt.Sprintf("web.0.%064x-", 4)
	if got := again(); got != "web.0 web.1- "+last {
		t.Errorf("the first reading: %s", got)
	}
	k.put(8*time.Minute, 0, 1)
	if got := again(); got != "web.0 web.1 "+last {
		t.Errorf("one that runs again: %s", got)
	}
	k.put(5*time.Minute, 1)
	if got := again(); got != "web.1 web.0- "+last {
		t.Errorf("another one ended: %s", got)
	}
	k.put(0)
	if got := again(); got != "web.1- web.0- "+last {
		t.Errorf("all ended: %s", got)
	}
	if tk, ok := api.findTask("web.1"); !ok || tk.Container != fmt.Sprintf("%064x", 2) {
		t.Errorf("%+v, %v", tk, ok)
	}
	api.Sees = func(_ string, r *frame.Row) bool { return r.Label("framework_id") == "f-0002" }
	if got := again(); got != "web.0-" {
		t.Errorf("only what may be seen: %s", got)
	}
	k.put(-2 * time.Hour)
	if got := again(); got != "" {
		t.Errorf("after an hour: %s", got)
	}
}

// Of an agent whose containers end all the time, the newest are kept.
func TestCompletedTasksAreBounded(t *testing.T) {
	k := newTicksOf(t)
	first := k.rows[0]
	for i := range 3 * endedPerNode {
		r := *first
		r.ID, r.Key = uint64(i+10), fmt.Sprintf("/docker/%d", i)
		r.Labels = testtick.Labels("container_id", fmt.Sprint("c", i), "task_id", fmt.Sprint("job.", i), "task_name", "job")
		k.rows = append(k.rows, &r)
		k.put(50*time.Minute-time.Duration(int64(i)*endedStep), len(k.rows)-1)
	}
	k.put(0)
	of := NewEnded(k.h.Fleet, k.h.Store).list()
	if len(of) != endedPerNode || of[0].row.Label("container_id") != fmt.Sprint("c", 3*endedPerNode-1) {
		t.Errorf("%d, first %+v", len(of), of[0])
	}
}
