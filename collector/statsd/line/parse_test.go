package line

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestReasons(t *testing.T) {
	check := func(dialect Dialect, text string, want Reason) {
		t.Helper()
		var l Line
		if got := New(Options{Dialect: dialect, GaugeDelta: true}).Parse([]byte(text), &l); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]Reason{
		// the rows of the table of edge cases
		"a:1|d": Accepted, "a:x:y|s": Accepted, "a:1:2:3|ms": Accepted, "a:1|c:2|c": BadType, "a:1|c|@0": BadRate,
		"a:1|c|@2":   BadRate,
		"a:1|c|@abc": BadRate, "a:1|c|#t:v|@0.1": Accepted, "a:1|c|#t:v|#u:w": Accepted, "a:1|c|c:abc": Accepted,
		"a:1|c|e:x|card:low": Accepted,
		"a:1|c|T1700000000":  Accepted, "a:1|c|x:y": Accepted, "a:NaN|g": BadValue, "a:|c": EmptyValue,
		// further decisions
		"a:.5|c": Accepted, "a:0x1p4|c": Accepted, "a:1_000|c": Accepted, "a:1|c|@+0.5": Accepted, "a:1e400|c": BadValue,
		"a:Inf|c": BadValue,
		"a:1|c|T": BadTimestamp, "a:1|c|T0": BadTimestamp, "a:1|c|T1.5": BadTimestamp, "a:1|c|Tomorrow": BadTimestamp,
		"a:1|c|T9223372036854775808": BadTimestamp,
		"a:1|ms|T1700000000":         Accepted, "a:1|c|@1e-310": BadRate, "a:1e300|c|@1e-100": BadValue,
		"a:1e300|g|@1e-100":  Accepted,
		"_scheduler.lag:1|c": Accepted, "_sc|n|0": Accepted, "_sc|n|9": BadServiceCheck, "_sc|n": BadServiceCheck,
		"_sc||1":      BadServiceCheck,
		"_e{1,1}:a|b": Accepted, "_e{+1,+0}:a|": Accepted, "_e{1,1}:a": BadEvent, "_e{0,1}:|b": BadEvent,
		"_e{1,1}a|b":                      BadEvent,
		"_e{1,1}:a|b|d:x|p:urgent|t:none": Accepted,
		"a:1|m":                           BadType, "a:1|C": BadType, "a:1|": BadType, "a:1|cc": BadType, "a:1": BadSyntax,
		"a": BadSyntax, "a|c": BadSyntax, ":1|c": BadName,
		"a:-5|c": Accepted, "a::|g": EmptyValue, "a:x|c": BadValue, "a:1:x|h": BadValue, "a:21::22|h": Accepted,
		"a:1|c|#" + strings.Repeat("t,", MaxTags): Accepted, "a:1|c|#" + strings.Repeat("t,", MaxTags) + "t": BadTags,
		"a:" + strings.Repeat("1", DefaultMaxLine) + "|c": TooLong,
	} {
		check(DogStatsD, text, want)
	}
	for text, want := range map[string]Reason{
		"a:1|c:2|ms|@0.1:-3|g": Accepted, "a:1|c|#t:v,u:w": Accepted, "a:1|C": Accepted, "a:1|m": Accepted, "a:1|d": Accepted,
		"a:x|s":      Accepted,
		"a:1:2:3|ms": BadSyntax, "a:x:y|s": BadSyntax, "a:1|c:2|x": BadType, "a:1|c:x|c": BadValue, "a:1|c|@0": BadRate,
		"a:1|c|@2":    BadRate,
		"a:1|c|c:abc": BadSyntax, "a:1|c|T1700000000": BadSyntax, "a:1|c|#t:v|@0.1": BadSyntax, "a:1|c|": BadSyntax,
		"a:|c": EmptyValue, ":1|c": BadName,
		"a": BadSyntax, "a:1|c:": BadSyntax,
	} {
		check(Etsy, text, want)
	}
}

func TestAgainstReference(t *testing.T) {
	for _, s := range seeds {
		for _, o := range []Options{{}, {GaugeDelta: true}, {Dialect: Etsy}, {Dialect: Etsy, GaugeDelta: true}} {
			compare(t, o, s)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const alphabet = "a1:|c#@T,.-+mge5sd_{}0\x00"
	for range 50000 {
		b := []byte(seeds[rng.IntN(len(seeds))])
		for range rng.IntN(4) {
			i := rng.IntN(len(b) + 1)
			switch c := alphabet[rng.IntN(len(alphabet))]; rng.IntN(3) {
			case 0:
				b = append(b[:i:i], append([]byte{c}, b[i:]...)...)
			case 1:
				if i < len(b) {
					b[i] = c
				}
			default:
				if i < len(b) && len(b) > 1 {
					b = append(b[:i:i], b[i+1:]...)
				}
			}
		}
		compare(t, Options{Dialect: Dialect(rng.IntN(2)), GaugeDelta: rng.IntN(2) == 0}, string(b))
	}
}

func TestTagOrder(t *testing.T) {
	hash := func(text string) uint64 {
		t.Helper()
		var l Line
		if r := New(Options{}).Parse([]byte(text), &l); r != Accepted {
			t.Fatal(text, r)
		}
		return l.Hash
	}
	same := func(a, b string, want bool) {
		t.Helper()
		if (hash(a) == hash(b)) != want {
			t.Errorf("%q and %q: one series: %v", a, b, !want)
		}
	}
	same("a:1|c|#x:1,y:2,longer.than.eight:bytes", "a:2|c|@0.5|#longer.than.eight:bytes,y:2,x:1|T5", true)
	same("a:1|c|#x,y", "a:1|c|#y,,x,", true)
	same("a:1|c|#x,y", "a:1|c|#xy", false)
	same("a:1|c|#x", "a:1|c|#x,x", false)
	same("a:1|c", "a:1|g", false)
	same("a:1|ms", "a:1|h", false)
	same("a:1|c|#b", "b:1|c|#a", false)
	same("a:1|c|#x", "a:1|c|#x\x00", false)
	same("a:1|c|#t:v|#u:w", "a:1|c|#u:w", true)
	same("ab:1|c", "ab\x00:1|c", false)
}

func TestNameTags(t *testing.T) {
	check := func(style Style, text, name, tags string) {
		t.Helper()
		var l Line
		r := New(Options{NameTags: style}).Parse([]byte(text), &l)
		if name == "" {
			if r != BadTags && r != BadName {
				t.Errorf("%q: %v", text, r)
			}
			return
		}
		if got := string(l.Name) + string(l.Suffix); r != Accepted || got != name || string(l.Tags) != tags {
			t.Errorf("%q: %v, %q with %q", text, r, got, l.Tags)
		}
	}
	check(Influx, "a,t=v,u=w:1|c", "a", "t=v,u=w")
	check(Influx, "a:1|c", "a", "")
	check(Influx, "a:1|c|#x:y", "a", "x:y")
	check(Influx, "a,t=v:1|c|#x:y", "", "")
	check(Influx, "a,t:1|c", "", "")
	check(Influx, "a,=v:1|c", "", "")
	check(Librato, "a#t=v,u=w:1|c", "a", "t=v,u=w")
	check(SignalFX, "na[t=v,u=w]me:1|c", "name", "t=v,u=w")
	check(SignalFX, "na]t=v[me:1|c", "", "")
	check(SignalFX, "na[t=v:1|c", "", "")
	check(Graphite, "a;t=v;u=w:1|c", "a", "t=v;u=w")
	check(NoNameTags, "a,t=v:1|c", "a,t=v", "")
}

func TestEvents(t *testing.T) {
	var l Line
	p := New(Options{})
	if r := p.Parse([]byte(`_e{5,9}:title|text\\nmo|d:1700000000|h:box|k:key|p:low|s:src|t:error|#env:prod|c:abc`),
		&l); r != Accepted {
		t.Fatal(r)
	}
	for got, want := range map[string]string{string(l.Title): "title", string(l.Text): `text\\nmo`, string(l.Host): "box",
		string(l.Key):      "key",
		string(l.Priority): "low", string(l.Source): "src", string(l.Alert): "error", string(l.Tags): "env:prod",
		string(l.ContainerID): "abc"} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if l.Kind != Event || l.Timestamp != 1700000000 {
		t.Errorf("%v %v", l.Kind, l.Timestamp)
	}
	if r := p.Parse([]byte("_sc|disk.full|2|d:5|h:box|#a:b|m:it is full"), &l); r != Accepted {
		t.Fatal(r)
	}
	if l.Kind != ServiceCheck || string(l.Name) != "disk.full" || l.Status != 2 || string(l.Message) != "it is full" ||
		string(l.Host) != "box" || string(l.Tags) != "a:b" || l.Timestamp != 5 || l.Title != nil {
		t.Errorf("%+v", l)
	}
}

func TestNext(t *testing.T) {
	check := func(packet string, want ...string) {
		t.Helper()
		var got []string
		for rest := []byte(packet); ; {
			var l []byte
			if l, rest = Next(rest); len(l) == 0 {
				break
			}
			got = append(got, string(l))
		}
		if strings.Join(got, "$") != strings.Join(want, "$") || Count([]byte(packet)) != len(want) {
			t.Errorf("%q: %q (%d)", packet, got, Count([]byte(packet)))
		}
	}
	check("a:1|c\nb:1|c", "a:1|c", "b:1|c")
	check("a:1|c\r\n\r\n\n\nb:1|c\n", "a:1|c", "b:1|c")
	check("\n\r\n")
	check("")
	check("a\rb\n", "a\rb")
}

// The bytes after a line must not matter: it is a slice of a datagram.
func TestSurroundings(t *testing.T) {
	for _, s := range seeds {
		for _, tail := range []string{"", "|#x:y", ":9|c", "\n", "000000000000"} {
			var a, b Line
			whole := []byte(s + tail)
			ra, rb := New(Options{}).Parse([]byte(s), &a), New(Options{}).Parse(whole[:len(s):len(s)], &b)
			if ra != rb || ra == Accepted && (a.Hash != b.Hash || !bytes.Equal(a.Name, b.Name)) {
				t.Errorf("%q before %q: %v %v", s, tail, ra, rb)
			}
			rb = New(Options{}).Parse(whole[:len(s)], &b)
			if ra != rb || ra == Accepted && a.Hash != b.Hash {
				t.Errorf("%q before %q, with room: %v %v", s, tail, ra, rb)
			}
		}
	}
}
