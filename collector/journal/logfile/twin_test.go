package logfile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// twinLine is a line as the twin reads it.
type twinLine struct {
	time    int64
	stream  Stream
	text    string
	attempt int
	open    bool
}

func twinOf(l *Line) twinLine {
	return twinLine{l.Time, l.Stream, string(l.Text), l.Attempt, l.Open}
}

// twinRecord parses one record the plain way.
func twinRecord(f Format, body []byte) (l twinLine, partial bool, err error) {
	var stream string
	switch f {
	case DockerJSON:
		var o struct {
			Log    *string
			Stream string
			Time   time.Time
		}
		if err := json.Unmarshal(body, &o); err != nil {
			return l, false, err
		}
		l.text, partial = strings.CutSuffix(*o.Log, "\n")
		partial = !partial && len(*o.Log) >= 16<<10
		stream, l.time = o.Stream, o.Time.UnixNano()
	case CRI:
		p := strings.SplitN(string(body), " ", 4)
		at, err := time.Parse(time.RFC3339Nano, p[0])
		if err != nil {
			return l, false, err
		}
		l.text, l.time, stream, partial = p[3], at.UnixNano(), p[1], p[2] == "P"
	case DockerLocal:
		last := true
		for len(body) > 0 {
			num, typ, n := protowire.ConsumeField(body)
			if n < 0 {
				return l, false, protowire.ParseError(n)
			}
			_, _, tag := protowire.ConsumeTag(body)
			v := body[tag:n]
			body = body[n:]
			if typ == protowire.BytesType {
				v, _ = protowire.ConsumeBytes(v)
			}
			switch num {
			case 1:
				stream = string(v)
			case 2:
				t, _ := protowire.ConsumeVarint(v)
				l.time = int64(t)
			case 3:
				l.text = string(v)
			case 5:
				last = v[1] != 0
			}
		}
		partial = !last
	}
	l.stream = Stream(slices.Index(streamNames[:], stream))
	return l, partial, nil
}

// twinLines reads files, oldest first, of one start of the container each with the
// same number.
func twinLines(t testing.TB, f Format, paths []string, attempts []int) (all []twinLine) {
	t.Helper()
	var open [2]*twinLine
	flush := func() {
		for s := range open {
			if open[s] != nil {
				open[s].open = true
				all = append(all, *open[s])
				open[s] = nil
			}
		}
	}
	for i, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if i > 0 && attempts[i] != attempts[i-1] {
			flush()
		}
		for len(b) > 0 {
			var body []byte
			if f == DockerLocal {
				n := binary.BigEndian.Uint32(b)
				body, b = b[4:4+n], b[n+8:]
			} else {
				n := bytes.IndexByte(b, '\n')
				body, b = b[:n], b[n+1:]
			}
			l, partial, err := twinRecord(f, body)
			if err != nil {
				t.Fatal(err)
			}
			l.attempt = attempts[i]
			if o := open[l.stream]; o != nil {
				l.text = o.text + l.text
			}
			open[l.stream] = nil
			if partial {
				open[l.stream] = &l
			} else {
				all = append(all, l)
			}
		}
	}
	return all
}

// randomLog writes a log of several files and returns what the twin reads of it.
func randomLog(t testing.TB, f Format, seed uint64) (*testWriter, []twinLine) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 7))
	w := newTestWriter(t, f)
	texts := []string{
		"",
		"plain",
		"ümlaut \"quoted\" \\ back",
		"tab\tand\rcr",
		"\x1b[31mred\x1b[0m",
		"null\u0000inside",
		"<&> \u2028",
	}
	if f == DockerJSON {
		texts = append(texts, "bad utf8 \xff\xfe")
	}
	rotations := 0
	for i := range 400 {
		s := Stream(rnd.IntN(2))
		if rnd.IntN(6) == 0 {
			w.write(s, piece('a'+byte(i%26)), true)
			continue
		}
		w.write(s, fmt.Sprintf("%d %s%s", i, texts[rnd.IntN(len(texts))], strings.Repeat("x", rnd.IntN(300))), false)
		if rnd.IntN(60) == 0 && rotations < 5 {
			rotations++
			w.rotate(10, f == CRI && rnd.IntN(2) == 0 || f != CRI && seed%2 == 0)
		}
	}
	l := w.log(Options{})
	names, err := l.names()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, n := range names {
		paths = append(paths, w.path[:strings.LastIndexByte(w.path, '/')+1]+n.base)
	}
	return w, twinLines(t, f, paths, make([]int, len(paths)))
}

func same(t testing.TB, what string, got, want []twinLine) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, not %d", what, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			g, w := got[i], want[i]
			t.Fatalf(
				"%s: line %d is\n%d %v %.60q (%d), not\n%d %v %.60q (%d)",
				what,
				i,
				g.time,
				g.stream,
				g.text,
				len(g.text),
				w.time,
				w.stream,
				w.text,
				len(w.text),
			)
		}
	}
}

// The reader reads what the twin reads: forward, backward, from every cursor and from
// every time.
func TestAsTheTwin(t *testing.T) {
	for _, f := range formats {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%v-%d", f, seed), func(t *testing.T) {
				w, want := randomLog(t, f, seed)
				r := reader(t, w.log(Options{}))
				var got []twinLine
				var cursors []string
				for r.Next() {
					got = append(got, twinOf(r.Line()))
					cursors = append(cursors, r.Cursor().String())
				}
				same(t, "forward", got, want)
				got = nil
				for r.SeekTail(); r.Previous(); {
					got = append(got, twinOf(r.Line()))
					if c := r.Cursor().String(); c != cursors[len(cursors)-len(got)] {
						t.Fatalf("the cursor going back is %s, going forward %s", c, cursors[len(cursors)-len(got)])
					}
				}
				slices.Reverse(got)
				same(t, "backward", got, want)
				noErrors(t, r)
				for i := 0; i < len(want); i += 1 + len(want)/25 {
					checkSeeks(t, w, r, want, cursors, i)
				}
			})
		}
	}
}

// checkSeeks checks what is around one line after seeking to it in each way.
func checkSeeks(t *testing.T, w *testWriter, r *Reader, want []twinLine, cursors []string, i int) {
	t.Helper()
	c, err := ParseCursor(cursors[i])
	if err != nil {
		t.Fatal(err)
	}
	next := func(what string, from int) {
		t.Helper()
		var got []twinLine
		for len(got) < 20 && r.Next() {
			got = append(got, twinOf(r.Line()))
		}
		same(t, fmt.Sprintf("%s %d", what, i), got, want[from:min(from+20, len(want))])
	}
	previous := func(what string, to int) {
		t.Helper()
		var got []twinLine
		for len(got) < 5 && r.Previous() {
			got = append(got, twinOf(r.Line()))
		}
		slices.Reverse(got)
		same(t, fmt.Sprintf("%s %d", what, i), got, want[max(to-5, 0):to])
	}
	r.SeekAfter(c)
	next("after", i+1)
	r.SeekAfter(c)
	previous("before what is after", i+1)
	r.SeekCursor(c)
	next("at", i)
	r.SeekCursor(c)
	previous("before", i)
	if i > 0 {
		r.SeekAfter(c)
		r.Previous()
		if got := twinOf(r.Line()); got != want[i] {
			t.Errorf("turning back at %d: %+v", i, got)
		}
		next("turned twice", i+1)
	}
	first := slices.IndexFunc(want, func(l twinLine) bool { return l.time >= want[i].time })
	r.SeekTime(want[i].time)
	next("time", first)
	r.SeekTime(want[i].time)
	previous("before time", first)
	r.SeekTime(want[i].time + 1)
	next("later", first+1)
	noErrors(t, r)
}
