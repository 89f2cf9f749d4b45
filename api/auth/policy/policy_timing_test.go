package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
)

// manyRules returns a policy of n rules with different applications. All of them are for
// each user, or one in ten.
func manyRules(n int, own bool) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range n {
		subject := fmt.Sprintf("[user:user%d, group:team%d]", i%10, i)
		if own {
			subject = "user:*"
		}
		fmt.Fprintf(&b, "  - subjects: %s\n    role: viewer\n", subject)
		fmt.Fprintf(&b, "    where: {application: [/app%d, /app%d/*], agent: n*}\n", i, i)
	}
	return b.String()
}

type rowOf struct {
	agent string
	row   *frame.Row
}

// containerRow returns the row of a container as a collector makes it.
func containerRow(i int) *frame.Row {
	return row("application_name", fmt.Sprintf("/app%d/web", i), "container_id", fmt.Sprintf("%064x", i),
		"framework_id", "f-1", "framework_name", "marathon", "image", "nginx:1.27", "label.team", "shop",
		"label.version", "1", "name", "web", "runtime", "docker", "task_id", fmt.Sprintf("app%d.1", i), "task_name", "web")
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range []struct {
		name string
		own  bool
		app  int
	}{
		{"100_of_1000_rules", false, 7}, {"1000_rules_first", true, 0}, {"1000_rules_last", true, 999},
		{"1000_rules_none", true, 5000},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := parse(b, manyRules(1000, c.own))
			who := user(b, "user7", "dev", "ops")
			tags := Tags{Agent: "n1", Labels: containerRow(c.app).Labels}
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(who, Read, SystemMetrics, &tags)
			}
		})
	}
}

// A principal that has not been seen before.
func BenchmarkFirstDecision(b *testing.B) {
	p := parse(b, manyRules(1000, false))
	tags := Tags{Agent: "n1", Labels: containerRow(7).Labels}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		p.Decide(user(b, "user7", fmt.Sprint("g", i)), Read, SystemMetrics, &tags)
	}
}

// A list of 10,000 containers.
func BenchmarkFilter10000(b *testing.B) {
	rows := make([]*frame.Row, 10_000)
	for i := range rows {
		rows[i] = containerRow(i % 2000)
	}
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n, "_rules"), func(b *testing.B) {
			p := parse(b, manyRules(n, true))
			who := user(b, "user7")
			b.ReportAllocs()
			seen := 0
			for b.Loop() {
				v := p.View(who, Read, SystemMetrics)
				for _, r := range rows {
					if v.AllowsRow("n1", r, nil) {
						seen++
					}
				}
			}
			if seen != b.N*5*n {
				b.Errorf("%d rows in %d runs", seen, b.N)
			}
		})
	}
}

func BenchmarkParse1000(b *testing.B) {
	text := []byte(manyRules(1000, false))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, "p"); err != nil {
			b.Fatal(err)
		}
	}
}
