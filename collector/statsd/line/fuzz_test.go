package line

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// seeds returns the rows of the table of edge cases and further lines like them.
var seeds = []string{
	typical, full, "a:1|d", "a:x:y|s", "a:1:2:3|ms", "a:1|c:2|c", "a:1|c|@0", "a:1|c|@2", "a:1|c|@abc", "a:1|c|#t:v|@0.1",
	"a:1|c|#t:v|#u:w", "a:1|c|c:abc", "a:1|c|e:it-false,cn-x|card:low", "a:1|c|T1700000000", "a:1|c|x:y", "a:NaN|g",
	"a:|c",
	"a:|g", "a::|g", "a:1|c|@+0.5", "a:1|h|@1e-310", "a:1|h|@1e-299", "a:1e300|c|@1e-20", "a:.5|c", "a:0x1p4|c",
	"a:1_000|c", "a:1e400|c",
	"a:1|c|T", "a:1|c|Tx", "a:1|c|T0", "a:1|c|T-5", "a:1|c|T+5", "a:1|c|T99999999999999999999", "a:1|c|@0.5|@0.25",
	"a:1|c|@.5|@2",
	"_scheduler.lag:1|c", "_sc|name|0|m:fine", "_sc|name|4", "_sc||0", "_sc|n",
	"_e{5,4}:title|text|d:x|p:low|t:error|#a:b", "_e{+1,+0}:a|",
	"_e{0,1}:|a", "_e{1,-1}:a|", "_e{5,4}:titl", "_e{99999999999999999999,1}:a|b", "a:1|m", "a:1|C", "a:1", "a|c", ":1|c",
	"a:1|", "a:1||", "|", ":",
	"a:+1|g", "a:-1:+2:3|g", "a:1|c|", "a:1|c||#x,,y", "a:1|c|#", "a:1|c|#dd.internal.entity_id:u,b",
	"a:1|c|#dd.internal.card:none",
	"a:123456789012345678|c", "a:0.1234567890123456|c", "a:-.|c", "a:1.|c", "a:--1|c", "a:inf|c", "a:1|c|@0.5:2", "a:1:|c",
	"a:21::22|h",
	"a.b:1|c|@0.1:2|ms:+3|g|#t:v", "a:1|c:2|x", "a:1|c|@0.5|#t|x", "name,t=v:1|c", "na[t=v]me:1|g", "n;t=v;u=w:1|c",
	"n#t=v:1|c|#x:y",
	"a:0x|c", "a:1_|c", "a:0x1p1024|c", "a:1|c|@1e400", "a:1|c|@0x", "a:1.2.3|c", "a:1e|c", "a:1e+_1|c", "a:1__0|c",
	"a:0x1.8|c", "a:1e9_9|c",
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, opts uint8) {
		if len(in) == 0 || len(in) > DefaultMaxLine {
			return
		}
		o := Options{Dialect: Dialect(opts & 1), GaugeDelta: opts&2 != 0}
		compare(t, o, string(in))
		o.NameTags = Style(opts>>2) % (Graphite + 1)
		var l Line
		New(o).Parse(in, &l) // must not panic
	})
}

// compare compares the parser with the reference parser.
func compare(t *testing.T, o Options, text string) {
	t.Helper()
	p := New(o)
	in := []byte(text)
	var l Line
	r := p.Parse(in, &l)
	want, ok := refParse(o, text)
	if (r == Accepted) != ok {
		t.Fatalf("%q (%+v): %v, the plain parser accepts: %v", text, o, r, ok)
	}
	if string(in) != text {
		t.Fatalf("%q was changed to %q", text, in)
	}
	if r != Accepted || l.Kind != Metric {
		return
	}
	for i, m := range want {
		if i > 0 && !p.More(&l) {
			t.Fatalf("%q: no metric %d of %d", text, i+1, len(want))
		}
		if string(l.Name) != m.name || l.Type != m.typ || l.Rate != m.rate || l.Timestamp != m.timestamp ||
			l.Hash != m.hash ||
			string(l.Tags) != m.tags || string(l.ContainerID) != m.container || string(l.External) != m.external ||
			string(l.Cardinality) != m.cardinality || string(l.Entity) != m.entity ||
			l.Hidden != (strings.HasPrefix(m.tags, internal) || strings.Contains(m.tags, ","+internal)) {
			t.Fatalf("%q: %+v, want %+v", text, l, m)
		}
		if m.typ == 's' {
			if string(l.Values) != m.member {
				t.Fatalf("%q: member %q", text, l.Values)
			}
			continue
		}
		if l.N != len(m.values) || l.Value != m.values[0] || l.Delta != m.deltas[0] {
			t.Fatalf("%q: %d values from %v, want %v", text, l.N, l.Value, m.values)
		}
		rest := l.Values
		for k := range m.values {
			v, delta, next, r := p.NextValue(&l, rest)
			if r != Accepted || v != m.values[k] || delta != m.deltas[k] {
				t.Fatalf("%q: value %d: %v %v %v, want %v", text, k, v, delta, r, m.values[k])
			}
			rest = next
		}
	}
	if p.More(&l) {
		t.Fatalf("%q: more than %d metrics", text, len(want))
	}
}

// numbers at the edges of strconv's grammar and range.
var numbers = []string{
	"", "0", "-0", "+1", "--1", "1e400", "-1e400", "1e309", "1e308", "1.7976931348623157e308", "1.7976931348623158e308",
	"1.7976931348623159e308", limit, limit + "e0", limit + ".0", limit[:300] + "e9",
	limit[:308] + "1", limit[:308] + "1.999", "0." + limit + "e309", "0.000" + limit + "e312", limit + "000e-3",
	"1e99999999999", "0e99999999999", "1e-99999999999", "0.0000000001e318", "0.0000000001e319",
	"0x", "0x1", "0x1p", "0x1p1", "0X1P+1", "0x.p1", "0x.8p1", "0x_1p1", "0x1_p1", "0x1p1_0", "0x1p1023", "0x1p1024",
	"0x1.fffffffffffffp1023", "0x1.fffffffffffff7p1023", "0x1.fffffffffffff8p1023",
	"0x1.fffffffffffff7ffffffffffffp1023", "0x0.0000ffffffffffffffffffp1040", "0xfffffffffffffbfffp956",
	"0xfffffffffffffffffp956", "0x3p1022", "0x7.ffffffffffffdfp1021", "0x0p9999", "0x1p99999", "0x1p-99999",
	"1_", "_1", "1_0", "1__0", "1_.0", "1._0", "1_e1", "1e_1", "1e1_", "1e1_0", "1e+1_0", "0_1", "0x1_fp1", "0b1", "0o7",
	"0b_1", "inf", "+Inf", "nan", "infinity", "0xinf", ".", "-.", ".e1", "1.", ".1", "1.e1", "1..2", "1e1.5", "1e", "1e+",
	"1 ", " 1",
	"0x1e1", "0x1e1p1", "1f", "1p1", "00001", "1e0001", "0001e0", "\x00", "1\x00",
}

// The parser accepts the same numbers as strconv, except those that are not finite.
func FuzzNumber(f *testing.F) {
	for _, s := range numbers {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := parseFloat([]byte(s))
		if want, wantOK := refNumber(s); ok != wantOK || ok && math.Float64bits(v) != math.Float64bits(want) {
			t.Fatalf("%q: %v %v, strconv says %v %v", s, v, ok, want, wantOK)
		}
	})
}

func TestNumbersAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const alphabet = "0123456789..__eEpPxXafAF+-"
	for range 300_000 {
		b := make([]byte, r.IntN(14))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		if r.IntN(2) == 0 {
			b = append([]byte("0x"), b...)
		}
		v, ok := parseFloat(b)
		if want, wantOK := refNumber(string(b)); ok != wantOK || ok && math.Float64bits(v) != math.Float64bits(want) {
			t.Fatalf("%q: %v %v, strconv says %v %v", b, v, ok, want, wantOK)
		}
	}
}
