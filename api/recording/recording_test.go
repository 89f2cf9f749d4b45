package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

var zero = time.Unix(1_700_000_000, 0)

func encoder(t testing.TB, lines bool) *Encoder {
	t.Helper()
	e, err := NewEncoder(Header{Width: 100, Height: 30, Command: "sh"}, zero, "s", lines)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func reader(t testing.TB, b []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// events reads all, and the texts of each stream.
func events(t testing.TB, in Events) (list []Event, out [wire.Streams]string, err error) {
	t.Helper()
	for {
		e, err := in.Next()
		if err == io.EOF {
			return list, out, nil
		}
		if err != nil {
			return list, out, err
		}
		list = append(list, e)
		switch e.Kind {
		case Output:
			out[e.Stream] += e.Text
		case Input:
			out[wire.Stdin] += e.Text
		}
	}
}

// What is encoded is read again, with offsets, whatever it is cut into, and each line is JSON.
func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := "\x1b[31mhello \"wörld\" \\ 日本 \U0001F600\x00\x7f\r\n\tx\n\u2028"
	for _, data := range []string{strings.Repeat(text, 50), text + "\xff\xfe" + text + "\xe6\x97", "\xf0\x9f"} {
		e := encoder(t, false)
		var sent [wire.Streams]uint64
		for i := 0; i < len(data); {
			n := min(len(data)-i, 1+rnd.IntN(7))
			s := wire.Stdout
			if rnd.IntN(9) == 0 {
				s = wire.Stderr
				e.Output(zero, s, sent[s], []byte("err"))
				sent[s] += 3
				continue
			}
			e.Output(zero.Add(time.Duration(i)*time.Millisecond), s, sent[s], []byte(data[i:i+n]))
			sent[s] += uint64(n)
			i += n
		}
		e.Resize(zero, 40, 120)
		e.Input(zero, []byte("typed\r"))
		e.Exit(zero, &session.Exit{Code: 7})
		for line := range bytes.Lines(e.Bytes()) {
			if !json.Valid(line) {
				t.Fatalf("no JSON: %s", line)
			}
		}
		list, out, err := events(t, reader(t, e.Bytes()))
		if want := strings.ToValidUTF8(data, "\uFFFD"); err != nil || utf8.ValidString(data) && out[wire.Stdout] != want {
			t.Errorf("%v: %q, want %q", err, out[wire.Stdout], want)
		}
		if out[wire.Stdin] != "typed\r" || list[len(list)-1].Code != 7 {
			t.Errorf("%q, %+v", out[wire.Stdin], list[len(list)-1])
		}
		var next [wire.Streams]uint64
		for _, e := range list {
			if e.Kind == Output && e.From != next[e.Stream] {
				t.Fatalf("%+v begins at %d, not %d", e, e.From, next[e.Stream])
			}
			next[e.Stream] = e.To
		}
		if next != sent {
			t.Errorf("offsets end at %v, want %v", next, sent)
		}
	}
}

// piece returns a recording of some of a text's bytes.
func piece(t testing.TB, text string, from, to int, begun time.Time, exit bool) *Reader {
	t.Helper()
	e, err := NewEncoder(Header{}, begun, "s", true)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i += 5 {
		e.Output(begun.Add(time.Second), wire.Stdout, uint64(i), []byte(text[i:min(i+5, to)]))
	}
	if exit {
		e.Exit(begun.Add(2*time.Second), &session.Exit{})
	}
	return reader(t, e.Bytes())
}

// Pieces are joined by the offsets of the output, and what none has is said.
func TestJoin(t *testing.T) {
	text := strings.Repeat("line ü\nand another\n", 20)
	want := strings.ReplaceAll(text, "\n", "\r\n")
	later := zero.Add(time.Minute)
	for from := range 100 {
		j := Join(piece(t, text, 0, 100, zero, false), piece(t, text, from, len(text), later, true))
		list, out, err := events(t, j)
		if err != nil || out[wire.Stdout] != want && utf8.ValidString(text[:from]) {
			t.Fatalf("%d: %v: %q", from, err, out[wire.Stdout])
		}
		if last := list[len(list)-1]; last.Kind != Exit || last.At != 62*time.Second {
			t.Fatalf("%+v", last)
		}
	}
	list, out, err := events(t, Join(piece(t, text, 0, 40, zero, false), piece(t, text, 60, len(text), later, true)))
	if err != nil || out[wire.Stdout] != strings.ReplaceAll(text[:40]+text[60:], "\n", "\r\n") {
		t.Errorf("%v, %q", err, out[wire.Stdout])
	}
	gaps := 0
	for _, e := range list {
		if e.Kind == Gap {
			gaps++
			if e.From != 40 || e.To != 60 || e.Missing() != "20 bytes of output are missing here" {
				t.Errorf("%+v", e)
			}
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps", gaps)
	}
}

// A recording that a crash cut anywhere is read up to there.
func TestCut(t *testing.T) {
	e := encoder(t, false)
	for i := range 20 {
		e.Output(zero, wire.Stdout, uint64(i*4), []byte("abc\n"))
	}
	whole := e.Bytes()
	head := bytes.IndexByte(whole, '\n') + 1
	for n := head; n < len(whole); n++ {
		_, out, err := events(t, reader(t, whole[:n]))
		lines := bytes.Count(whole[head:n], []byte("\n")) - 1 // the first is the position
		if want := strings.Repeat("abc\n", max(0, lines)); out[wire.Stdout] != want ||
			whole[n-1] != '\n' && !errors.Is(err, ErrCut) || whole[n-1] == '\n' && err != nil {
			t.Fatalf("cut at %d: %v, %q, want %q", n, err, out[wire.Stdout], want)
		}
	}
	for _, bad := range []string{"", "{}", "{\"version\":1}\n", "[]\n", "{\"version\":2,\"width\":-1}\n"} {
		if _, err := NewReader(strings.NewReader(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	long := "{\"version\":2}\n[0,\"o\",\"" + strings.Repeat("x", maxLine) + "\"]\n"
	if _, _, err := events(t, reader(t, []byte(long))); !errors.Is(err, ErrFormat) {
		t.Errorf("a line that is too long: %v", err)
	}
}

func TestExport(t *testing.T) {
	e := encoder(t, false)
	e.Output(zero.Add(time.Second), wire.Stdout, 0, []byte("one"))
	e.Output(zero.Add(3*time.Second), wire.Stdout, 10, []byte("two"))
	e.Exit(zero.Add(4*time.Second), &session.Exit{Code: 2})
	for version, want := range map[int]string{
		2: `[1.000000,"o","one"] [3.000000,"m","7 bytes of output are missing here"] [3.000000,"o","two"] [4.000000,"x","2"]`,
		3: `[1.000000,"o","one"] [2.000000,"m","7 bytes of output are missing here"] [0.000000,"o","two"] [1.000000,"x","2"]`,
	} {
		var b bytes.Buffer
		r := reader(t, e.Bytes())
		if err := Export(&b, version, r.Header, Join(r)); err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(b.String(), "\n")
		if got := strings.Join(strings.Fields(strings.ReplaceAll(rest, " bytes of output are missing here",
			"_")), " "); got != strings.ReplaceAll(want, " bytes of output are missing here", "_") {
			t.Errorf("version %d: %s", version, got)
		}
		if !strings.Contains(head, `"version":`+string(rune('0'+version))) || strings.Contains(head, "daytwo") {
			t.Errorf("version %d: %s", version, head)
		}
	}
}

// FuzzReader reads anything, and finds what it has read in order and within bounds.
func FuzzReader(f *testing.F) {
	e, err := NewEncoder(Header{Command: "x"}, zero, "s", true)
	if err != nil {
		f.Fatal(err)
	}
	e.Output(zero, wire.Stdout, 0, []byte("a\nb\xff"))
	e.Output(zero, wire.Stderr, 5, []byte("e"))
	e.Exit(zero, &session.Exit{Code: 1})
	f.Add(e.Bytes())
	f.Add([]byte("{\"version\":2}\n[1e300,\"o\",\"x\"]\n"))
	f.Add([]byte("{\"version\":2}\n[1,\"p\",\"stdout 18446744073709551615\"]\n[1,\"o\",\"x\"]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		two, _ := NewReader(bytes.NewReader(b))
		j := Join(one, two)
		safe, text := NewSafe(), NewText(func(time.Duration, string) {})
		var at time.Duration
		for range len(b) + 10 {
			e, err := j.Next()
			if err != nil {
				return
			}
			if e.At < 0 || e.Kind == Gap && e.To < e.From {
				t.Fatalf("%+v", e)
			}
			at = e.At
			safe.Filter(e.Text)
			text.Write(at, e.Text)
		}
		t.Fatal("it does not end")
	})
}
