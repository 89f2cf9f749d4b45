package logs

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// journalctl returns the values of NUMBER that journalctl prints.
func journalctl(t *testing.T, dir string, args ...string) (numbers []string) {
	t.Helper()
	if _, err := exec.LookPath("journalctl"); err != nil {
		rig.Missing(t, "journalctl", err.Error(), "apt-get install systemd")
	}
	cmd := exec.Command("journalctl", append([]string{"-q", "--no-pager", "-D" + dir, "-o", "json", "--all"}, args...)...)
	out, err := cmd.Output()
	if err != nil && len(out) > 0 {
		t.Fatalf("%v: %v", cmd, err)
	}
	for l := range strings.Lines(string(out)) {
		var e struct{ NUMBER string }
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, e.NUMBER)
	}
	return numbers
}

// Selectors of units, priorities, messages, boots and times choose what journalctl's
// options do.
func TestJournalctl(t *testing.T) {
	dir := t.TempDir()
	for file := range 2 {
		var lines []line
		for i := file; i < 600; i += 2 {
			l := line{realtime: longAgo + int64(i)*1e6, monotonic: 1 + int64(i)*1e6, boot: boot1, fields: []string{
				fmt.Sprint("NUMBER=", i), fmt.Sprint("PRIORITY=", i%8),
				fmt.Sprintf("MESSAGE=request %d of %s", i, []string{"Ann", "bob"}[i%2])}}
			if i >= 250 {
				l.boot = boot2
			}
			unit := fmt.Sprintf("u%d.service", i%5)
			switch i % 11 {
			case 0:
				l.fields = append(l.fields, "UNIT="+unit, "_PID=1", "_UID=0", "_SYSTEMD_UNIT=init.scope")
			case 1:
				l.fields = append(l.fields, "UNIT="+unit, "_PID=77", "_UID=0", "_SYSTEMD_UNIT=other.service")
			case 2:
				l.fields = append(l.fields, "OBJECT_SYSTEMD_UNIT="+unit, "_UID=0")
			case 3:
				l.fields = append(l.fields, "OBJECT_SYSTEMD_UNIT="+unit, "_UID=1000")
			case 4:
				l.fields = append(l.fields, "COREDUMP_UNIT="+unit, "_UID=0", "MESSAGE_ID="+messageCoredump)
			case 5:
				l.fields = append(l.fields, "COREDUMP_UNIT="+unit, "_UID=0")
			case 6:
				l.fields = append(l.fields, "_SYSTEMD_SLICE=app.slice", "_SYSTEMD_UNIT=x.service")
			default:
				l.fields = append(l.fields, "_SYSTEMD_UNIT="+unit, "_UID=0")
			}
			lines = append(lines, l)
		}
		writeJournal(t, filepath.Join(dir, fmt.Sprintf("f%d.journal", file)), lines)
	}
	n := node(t, nil, dir)
	at := func(i int) (int64, string) {
		us := longAgo + int64(i)*1e6
		return us, fmt.Sprintf("@%d.%06d", us/1e6, us%1e6)
	}
	since, sinceArg := at(100)
	until, untilArg := at(420)
	for _, c := range []struct {
		args string
		q    query.LogQuery
	}{
		{"", query.LogQuery{}},
		{"-r", query.LogQuery{Reverse: true}},
		{"-n 7", query.LogQuery{Tail: true, Limit: 7}},
		{"-r -n 7", query.LogQuery{Reverse: true, Limit: 7}},
		{"-u u1", query.LogQuery{Units: []string{"u1"}}},
		{"-u u2.service -u u3.service", query.LogQuery{Units: []string{"u2.service", "u3.service"}}},
		{"-u u* -n 20", query.LogQuery{Units: []string{"u*"}, Tail: true, Limit: 20}},
		{"-u app.slice", query.LogQuery{Units: []string{"app.slice"}}},
		{"-p err", query.LogQuery{Priority: &query.PriorityRange{Max: 3}}},
		{"-p warning..notice -r", query.LogQuery{Priority: &query.PriorityRange{Min: 4, Max: 5}, Reverse: true}},
		{"-p 7", query.LogQuery{Priority: &query.PriorityRange{Max: 7}}},
		{"--case-sensitive=yes --grep of.Ann", query.LogQuery{Grep: "of.Ann"}},
		{"--case-sensitive=no --grep 1[23].*ANN -u u1", query.LogQuery{Grep: "(?i)1[23].*ANN", Units: []string{"u1"}}},
		{"-b " + boot1, query.LogQuery{Boot: boot1}},
		{"-b " + boot2 + "-1 -n 5", query.LogQuery{Boot: boot2 + "-1", Tail: true, Limit: 5}},
		{"-b -1", query.LogQuery{Boot: "-1"}},
		{"-b 1", query.LogQuery{Boot: "1"}},
		{"-b 2", query.LogQuery{Boot: "2"}},
		{"--since " + sinceArg, query.LogQuery{Since: since}},
		{"--until " + untilArg, query.LogQuery{Until: until}},
		{"-r --since " + sinceArg + " --until " + untilArg, query.LogQuery{Since: since, Until: until, Reverse: true}},
		{"PRIORITY=1 PRIORITY=2 _UID=0 + NUMBER=5",
			query.LogQuery{Matches: []string{"PRIORITY=1", "PRIORITY=2", "_UID=0", "+", "NUMBER=5"}}},
	} {
		want := journalctl(t, dir, strings.Fields(c.args)...)
		got := get(t, n, &c.q, "NUMBER")
		if len(want) == 0 {
			t.Errorf("journalctl %s prints nothing", c.args)
		}
		if !slices.Equal(got, want) {
			t.Errorf("journalctl %s\nprints %v\ngot    %v", c.args, want, got)
		}
	}
}
