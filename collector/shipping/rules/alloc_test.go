//go:build !race

package rules

import "testing"

// Entries pass all rules without an allocation, those with known secrets too that are
// found without an expression.
func TestAllocates(t *testing.T) {
	f := NewFilter(parse(t, `
filter: [keep: {unit: a.service, container: x*, match: {MESSAGE: q*}}, drop: {grep: 'health ?check'}]
join: [{select: {unit: b*}, start: '^\d'}]
sample: [{select: {priority: debug..debug}, one_in: 10}]
rate: [{per_second: 1000000}]
redact: [{known: [email, credit_card, bearer_token, jwt]}, {pattern: 'ssn=\d+'}]
fields: {drop: [_AUDIT_*]}`))
	e := line("MESSAGE=mail jo@example.com card 4111 1111 1111 1111", "PRIORITY=6", "_SYSTEMD_UNIT=a.service",
		"_AUDIT_ID=1", "SYSLOG_IDENTIFIER=a")
	shipped := 0
	run := func() {
		facts, v := f.Admit(e)
		f.Joining(facts)
		if out, _, n := f.Finish(e); v == Ship && len(out.Fields) == 4 && n == 2 {
			shipped++
		}
		e.Realtime += 100
	}
	run()
	if n := testing.AllocsPerRun(1000, run); n != 0 || shipped != 1002 {
		t.Errorf("%v allocations an entry, %d shipped", n, shipped)
	}
}

func BenchmarkRules(b *testing.B) {
	f := NewFilter(parse(b, `
filter: [drop: {unit: 'session-*'}, drop: {priority: debug..debug}]
redact: [{known: [email, credit_card, bearer_token]}]
fields: {drop: [_AUDIT_*]}`))
	e := line("MESSAGE=GET /api/v1/orders/4711 HTTP/1.1 200 1234 0.012 jo@example.com", "PRIORITY=6",
		"_SYSTEMD_UNIT=a.service", "_AUDIT_ID=1", "SYSLOG_IDENTIFIER=a", "_PID=12", "_UID=0", "_GID=0", "_COMM=nginx",
		"_EXE=/usr/sbin/nginx", "_HOSTNAME=node-1", "_TRANSPORT=stdout")
	b.ReportAllocs()
	for b.Loop() {
		f.Admit(e)
		f.Finish(e)
	}
}
