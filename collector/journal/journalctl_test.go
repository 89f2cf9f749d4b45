package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// differEntries is how many entries the comparison with journalctl is made of;
// DAYTWO_JOURNAL_ENTRIES sets another number (make journal-million).
func differEntries(t testing.TB) int { return number(t, "DAYTWO_JOURNAL_ENTRIES", 4000) }

// number is the number that a variable of the environment has, or another one.
func number(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What journalctl prints of generated journals and what this package does are the
// same: -o export byte by byte, -o json by value.
func TestAgainstJournalctl(t *testing.T) {
	for i, env := range remoteFormats {
		for _, machines := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d machines, %s", machines, strings.Join(env, " ")), func(t *testing.T) {
				compareDir(t, remoteJournals(t, uint64(i), machines, differEntries(t)/len(remoteFormats)/2, env...))
			})
		}
	}
}

// The same of files that no program here writes.
func TestOldFilesAgainstJournalctl(t *testing.T) {
	for i, format := range fileFormats {
		t.Run(format.name, func(t *testing.T) {
			needJournalctl(t)
			dir := t.TempDir()
			m := newEntryMaker(uint64(i))
			w := newFileWriter(t, format, ID{9})
			for range 1000 {
				w.add(m.next())
			}
			w.save(dir + "/test.journal")
			if out, err := exec.Command("journalctl", "--verify", "--file", dir+"/test.journal").CombinedOutput(); err != nil {
				t.Errorf("--verify: %v\n%s", err, out)
			}
			compareDir(t, dir)
		})
	}
}

func compareDir(t *testing.T, dir string) {
	j := openDir(t, dir)
	var cursors []string
	var times []uint64
	query{}.each(t, j, func(r *Reader) {
		c := r.Cursor()
		cursors, times = append(cursors, c.String()), append(times, c.Realtime)
	})
	first, last := slices.Min(times), slices.Max(times)
	at := func(part float64) uint64 { return first + uint64(part*float64(last-first)) }
	queries := []query{
		{}, {reverse: true}, {limit: 10}, {limit: 7, reverse: true}, {limit: 1 << 30},
		{since: at(0.3), until: at(0.6)}, {since: at(0.99)}, {until: at(0.1)}, {until: at(0.2), reverse: true, limit: 20},
		{since: at(2)}, {after: cursors[len(cursors)/2]}, {after: cursors[len(cursors)-1]},
	}
	for _, m := range testMatches {
		queries = append(queries, query{matches: m}, query{matches: m, reverse: true}, query{matches: m, limit: 3})
		if slices.IsSorted(times) {
			queries = append(queries, query{matches: m, since: at(0.5)})
		}
	}
	for _, q := range queries {
		compareExport(t, j, dir, q)
	}
	for _, threshold := range []int{0, 4096} {
		compareJSON(t, j, dir, threshold)
	}
	compareValues(t, j, dir)
	if steady := slices.IsSorted(times); !steady { // of one machine; journalctl cannot tell boots of several apart
		compareBoots(t, j, dir)
	}
}

func compareExport(t *testing.T, j *Journal, dir string, q query) {
	t.Helper()
	want := journalctl(t, dir, append(q.args(), "-o", "export")...)
	var got []byte
	q.each(t, j, func(r *Reader) {
		var err error
		if got, err = r.AppendExport(got); err != nil {
			t.Fatal(err)
		}
	})
	if !bytes.Equal(got, want) {
		t.Fatalf("%v: %s", q.args(), difference(got, want))
	}
}

// difference shows where two texts part.
func difference(got, want []byte) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(b []byte) string { return fmt.Sprintf("%d bytes, …%.600q", len(b), b[max(0, i-100):]) }
	return "got " + show(got) + "\nwant " + show(want)
}

func compareJSON(t *testing.T, j *Journal, dir string, threshold int) {
	t.Helper()
	args := []string{"-o", "json"}
	if threshold == 0 {
		args = append(args, "--all")
	}
	want := json.NewDecoder(bytes.NewReader(journalctl(t, dir, args...)))
	var line []byte
	query{}.each(t, j, func(r *Reader) {
		var err error
		if line, err = r.AppendJSON(line[:0], &JSONOptions{Threshold: threshold}); err != nil {
			t.Fatal(err)
		}
		var g, w map[string]any
		if err := json.Unmarshal(line, &g); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if err := want.Decode(&w); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("got %s\nwant %v", line, w)
		}
	})
	if want.More() {
		t.Error("journalctl has more entries")
	}
}

func compareValues(t *testing.T, j *Journal, dir string) {
	t.Helper()
	names, errs := j.FieldNames()
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := lines(journalctl(t, dir, "--fields"))
	slices.Sort(want)
	same(t, "names of fields", names, want)
	for _, field := range []string{"PRIORITY", "TAG", "_PID", "FIELD33", "NOTHING"} {
		var got, want []string
		if errs := j.Values(field, func(v []byte) bool { got = append(got, string(v)); return true }); len(errs) > 0 {
			t.Fatal(errs)
		}
		if out := journalctl(t, dir, "-F", field); len(out) > 0 {
			want = lines(out)
		}
		slices.Sort(got)
		slices.Sort(want)
		same(t, "values of "+field, got, want)
	}
}

func compareBoots(t *testing.T, j *Journal, dir string) {
	t.Helper()
	boots, errs := j.Boots()
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	type boot struct {
		ID    string `json:"boot_id"`
		First uint64 `json:"first_entry"`
		Last  uint64 `json:"last_entry"`
	}
	var got, want []boot
	for _, b := range boots {
		got = append(got, boot{b.ID.String(), b.First, b.Last})
	}
	if err := json.Unmarshal(journalctl(t, dir, "--list-boots", "-o", "json"), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("boots: got %v\nwant %v", got, want)
	}
}
