package metric

import (
	"slices"
	"testing"
)

func TestTags(t *testing.T) {
	check := func(list string, tags ...string) {
		t.Helper()
		var got []byte
		for _, tag := range tags {
			got = AppendTag(got, tag)
		}
		if string(got) != list {
			t.Errorf("%q: the list is %q, want %q", tags, got, list)
		}
		if got := SplitTags(list); !slices.Equal(got, tags) {
			t.Errorf("%q: the tags are %q, want %q", list, got, tags)
		}
	}
	check("")
	check("env", "env")
	check("env,env:,env:true", "env", "env:", "env:true")
	check(`a:b\,c,d\\,\0:`, "a:b,c", `d\`, "\x00:")
}

func FuzzTags(f *testing.F) {
	f.Add("env:", `a\,b`)
	f.Fuzz(func(t *testing.T, one, two string) {
		if one == "" || two == "" {
			return
		}
		list := AppendTag(AppendTag(nil, one), two)
		if got := SplitTags(string(list)); len(got) != 2 || got[0] != one || got[1] != two {
			t.Fatalf("%q, %q: the list %q is %q", one, two, list, got)
		}
		SplitTags(one) // any text is a list
	})
}
