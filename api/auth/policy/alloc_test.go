//go:build !race

package policy

import "testing"

// A decision about a principal that is known, and about each row of a list, allocates
// nothing.
func TestAllocates(t *testing.T) {
	for name, text := range map[string]string{"others": manyRules(1000, false), "its own": manyRules(1000, true)} {
		p := parse(t, text)
		who := user(t, "user7", "group3")
		tags := Tags{Agent: "n1", Labels: containerRow(7).Labels}
		rows := []rowOf{{"n1", containerRow(7)}, {"n2", containerRow(8)}}
		run := func() {
			if !p.Decide(who, Read, SystemMetrics, &tags).Allowed || p.Decide(who, Update, Sinks, nil).Allowed {
				t.Fatal("wrong")
			}
			v := p.View(who, Read, SystemMetrics)
			for _, r := range rows {
				v.AllowsRow(r.agent, r.row, nil)
			}
		}
		run()
		if n := testing.AllocsPerRun(1000, run); n != 0 {
			t.Errorf("%s: %v allocations a decision", name, n)
		}
	}
}
