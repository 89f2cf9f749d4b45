package launch

import "testing"

func TestParsePortRange(t *testing.T) {
	for s, want := range map[string]PortRange{
		"20000-29999": {20000, 29999}, "1-2": {1, 2}, "65534-65535": {65534, 65535},
		"": {}, "5": {}, "0-10": {}, "10-10": {}, "11-10": {}, "1-65536": {}, "-1-5": {}, "1-": {},
		"a-b": {}, "1-2-3": {}, " 1-2": {}, "+1-2": {},
	} {
		r, err := ParsePortRange(s)
		if r != want || (err == nil) != (want != PortRange{}) {
			t.Errorf("%q: %v, %v", s, r, err)
		}
		if err == nil && r.String() != s {
			t.Errorf("%q is written %q", s, r)
		}
	}
}

func TestPortRangeOverlaps(t *testing.T) {
	check := func(a, b PortRange, want bool) {
		t.Helper()
		if a.Overlaps(b) != want || b.Overlaps(a) != want {
			t.Errorf("%v and %v: want %v", a, b, want)
		}
	}
	check(PortRange{1, 5}, PortRange{5, 9}, true)
	check(PortRange{1, 9}, PortRange{3, 4}, true)
	check(PortRange{1, 5}, PortRange{6, 9}, false)
}
