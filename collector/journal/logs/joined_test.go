package logs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// pieceBytes is the size of a full piece of Docker's.
const pieceBytes = 16 << 10

var fullPiece = strings.Repeat("x", pieceBytes-2) + "ab"

// dockerPiece makes an entry of Docker's driver. A piece with an ordinal has an id, too.
func dockerPiece(i int, id string, stderr bool, text, lineID string, ordinal int, last bool) line {
	priority := "6"
	if stderr {
		priority = "3"
	}
	l := line{realtime: longAgo + int64(i)*1e4, monotonic: 1 + int64(i)*1e4, boot: boot1,
		fields: []string{"MESSAGE=" + text, "_SYSTEMD_CGROUP=/system.slice/docker.service", "_UID=0",
			"CONTAINER_ID=" + id[:12], "CONTAINER_ID_FULL=" + id, "CONTAINER_NAME=n" + id[:1], "IMAGE_NAME=i",
			"PRIORITY=" + priority}}
	if !last {
		l.fields = append(l.fields, "CONTAINER_PARTIAL_MESSAGE=true")
	}
	if ordinal > 0 {
		l.fields = append(l.fields, "CONTAINER_PARTIAL_ID="+lineID, fmt.Sprint("CONTAINER_PARTIAL_ORDINAL=", ordinal),
			fmt.Sprint("CONTAINER_PARTIAL_LAST=", last))
	}
	return l
}

// shown is a line as it is to be read.
type shown struct {
	text, priority, container string
	realtime                  int64
	partial                   bool
}

// cutLines makes entries of two containers and two streams, interleaved, the first container's
// pieces with ids, and what their lines are, in the order of their last pieces. Some lines have
// no end.
func cutLines(seed uint64, n int) (all []line, lines []shown) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	type writer struct {
		rest          []string
		text          string
		ordinal, line int
	}
	var w [4]writer
	for i := 0; len(lines) < n || slices.ContainsFunc(w[:], func(w writer) bool { return len(w.rest) > 0 }); i++ {
		k := rnd.IntN(5)
		if k == 4 {
			if len(lines) < n {
				text := fmt.Sprint("host ", i)
				l := line{realtime: longAgo + int64(i)*1e4, monotonic: 1 + int64(i)*1e4, boot: boot1,
					fields: []string{"MESSAGE=" + text, "_SYSTEMD_CGROUP=/system.slice/a.service", "_UID=0"}}
				all, lines = append(all, l), append(lines, shown{text, "", "", l.realtime, false})
			}
			continue
		}
		c := &w[k]
		if len(c.rest) == 0 {
			if len(lines) >= n {
				continue
			}
			c.line++
			c.ordinal, c.text = 0, ""
			for range rnd.IntN(4) {
				c.rest = append(c.rest, fullPiece)
			}
			c.rest = append(c.rest, fmt.Sprint("cd line ", k, " ", c.line))
		}
		c.ordinal++
		last := len(c.rest) == 1
		stop := !last && k < 2 && rnd.IntN(12) == 0 // the next one has another id
		ordinal := c.ordinal
		if k >= 2 || last && ordinal == 1 {
			ordinal = 0
		}
		l := dockerPiece(i, ids[k/2], k%2 == 1, c.rest[0], fmt.Sprint(k, ".", c.line), ordinal, last)
		all = append(all, l)
		c.text += c.rest[0]
		if c.rest = c.rest[1:]; last || stop {
			lines = append(lines, shown{c.text, []string{"6", "3"}[k%2], ids[k/2], l.realtime, stop})
			c.rest = nil
		}
	}
	return all, lines
}

func shownOf(t *testing.T, entries []*entry.Entry) (all []shown) {
	t.Helper()
	for _, e := range entries {
		s := shown{realtime: e.Realtime}
		for _, f := range e.Fields {
			switch f.Name {
			case "MESSAGE":
				s.text = string(f.Value)
			case "PRIORITY":
				s.priority = string(f.Value)
			case "CONTAINER_ID_FULL":
				s.container = string(f.Value)
			case "CONTAINER_PARTIAL_MESSAGE":
				s.partial = true
			case "CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_ORDINAL", "CONTAINER_PARTIAL_LAST":
				t.Errorf("a line has %s", f.Name)
			}
		}
		all = append(all, s)
	}
	return all
}

// lines reads a query that has to succeed without events.
func linesOf(t *testing.T, n *Node, q query.LogQuery) ([]shown, []*entry.Entry) {
	t.Helper()
	entries, events, err := read(t, n, &q)
	if err != nil || len(events) > 0 {
		t.Fatalf("%+v: events %v, error %v", q, events, err)
	}
	return shownOf(t, entries), entries
}

func sameLines(t *testing.T, what string, got, want []shown) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	short := func(all []shown) (s string) {
		for _, l := range all[i:min(i+3, len(all))] {
			s += fmt.Sprintf(" %.20q…(%d) %v", l.text, len(l.text), l.partial)
		}
		return s
	}
	t.Fatalf("%s: %d lines, want %d; line %d is %s\nwant %s", what, len(got), len(want), i, short(got), short(want))
}

func reversed(all []shown) []shown {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// selected returns the lines that have a property.
func selected(all []shown, is func(l *shown) bool) (some []shown) {
	for i := range all {
		if is(&all[i]) {
			some = append(some, all[i])
		}
	}
	return some
}

// Lines come whole in all queries, in both directions, and after each cursor, as when all
// pieces were read first: also where the pieces are in several files, or in part before the time
// that is asked for.
func TestLinesInPieces(t *testing.T) {
	for seed := range uint64(3) {
		dir := t.TempDir()
		written, lines := cutLines(seed, 24)
		files := make([][]line, 1+seed%2)
		for i, l := range written {
			k := i * len(files) / len(written)
			files[k] = append(files[k], l)
		}
		for k, f := range files {
			writeJournal(t, filepath.Join(dir, fmt.Sprint(k, ".journal")), f)
		}
		n := node(t, nil, dir)
		check := func(what string, q query.LogQuery, want []shown) {
			t.Helper()
			got, _ := linesOf(t, n, q)
			sameLines(t, fmt.Sprintf("seed %d: %s: %+v", seed, what, q), got, want)
		}
		got, entries := linesOf(t, n, query.LogQuery{})
		sameLines(t, "forward", got, lines)
		back := reversed(lines)
		check("reverse", query.LogQuery{Reverse: true}, back)
		for i, e := range entries {
			check("resumed", query.LogQuery{Cursor: e.Cursor}, lines[i+1:])
			check("resumed in reverse", query.LogQuery{Cursor: e.Cursor, Reverse: true, Limit: 3},
				back[len(back)-i:][:min(3, i)])
			check("tail", query.LogQuery{Tail: true, Limit: int64(i + 1)}, lines[len(lines)-i-1:])
			check("limit", query.LogQuery{Limit: int64(i + 1)}, lines[:i+1])
			check("since", query.LogQuery{Since: e.Realtime}, lines[i:])
			check("until", query.LogQuery{Until: e.Realtime, Reverse: true}, back[len(back)-i-1:])
			check("two back", query.LogQuery{Cursor: e.Cursor, Skip: -2, Limit: 3},
				lines[max(i-1, 0):][:min(3, len(lines)-max(i-1, 0))])
		}
		for _, reverse := range []bool{false, true} {
			turn := func(all []shown) []shown {
				if reverse {
					return reversed(all)
				}
				return all
			}
			q := query.LogQuery{Reverse: reverse, Grep: "abcd"}
			check("grep over a boundary", q,
				turn(selected(lines, func(l *shown) bool { return strings.Contains(l.text, "abcd") })))
			q.Grep = "^cd"
			check("grep of a beginning", q,
				turn(selected(lines, func(l *shown) bool { return strings.HasPrefix(l.text, "cd") })))
			of := func(l *shown) bool { return l.container == ids[1] }
			check("container", query.LogQuery{Reverse: reverse, Containers: ids[1:2]}, turn(selected(lines, of)))
			check("match", query.LogQuery{Reverse: reverse, Matches: []string{"CONTAINER_ID_FULL=" + ids[1]}},
				turn(selected(lines, of)))
			err := func(l *shown) bool { return l.priority == "3" }
			check("priority", query.LogQuery{Reverse: reverse, Priority: &query.PriorityRange{Max: 3}},
				turn(selected(lines, err)))
			check("stream", query.LogQuery{Reverse: reverse, Matches: []string{"STREAM=STDERR"}}, turn(selected(lines, err)))
			scope := &query.LogScope{Selectors: [][]query.LogCondition{{{Tag: "container_id", Patterns: ids[1:2]}}}}
			check("scope", query.LogQuery{Reverse: reverse, Scope: scope}, turn(selected(lines, of)))
		}
		check("text of a last piece", query.LogQuery{Matches: []string{"MESSAGE=cd line 0 1", "MESSAGE=cd line 1 1",
			"MESSAGE=cd line 2 1", "MESSAGE=cd line 3 1"}},
			selected(lines, func(l *shown) bool {
				return strings.HasPrefix(l.text, "cd line ") && strings.HasSuffix(l.text, " 1")
			}))
		texts, err := n.Values(t.Context(), &query.LogQuery{}, "MESSAGE", 1000)
		all := map[string]bool{}
		for _, l := range lines {
			all[l.text] = true
		}
		if err != nil || !slices.Equal(texts, slices.Sorted(maps.Keys(all))) {
			t.Errorf("seed %d: values have %d texts, not %d, error %v", seed, len(texts), len(all), err)
		}
		names, err := n.Fields(t.Context(), &query.LogQuery{})
		if err != nil || slices.Contains(names, "CONTAINER_PARTIAL_ID") || !slices.Contains(names, "STREAM") {
			t.Errorf("fields %v, error %v", names, err)
		}
		buckets, err := n.Histogram(t.Context(), &query.LogQuery{}, 1_000_000)
		counts := map[int64]uint64{}
		for _, l := range lines {
			counts[l.realtime-l.realtime%1_000_000]++
		}
		for _, b := range buckets {
			for _, c := range b.Counts {
				counts[b.Start] -= c
			}
		}
		for at, c := range counts {
			if c != 0 || err != nil {
				t.Errorf("histogram: %d lines of second %d are not counted, %v", int64(c), at, err)
			}
		}
	}
}
