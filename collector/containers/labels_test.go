package containers

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkRow asserts what must hold for the labels of every row.
func checkRow(t testing.TB, id *Identity) {
	t.Helper()
	total := 0
	for i, l := range id.Labels {
		total += len(l.Name) + len(l.Value)
		if l.Name == "" || l.Value == "" || !utf8.ValidString(l.Name) || !utf8.ValidString(l.Value) ||
			i > 0 && id.Labels[i-1].Name >= l.Name {
			t.Fatalf("label %d of %q", i, id.Labels)
		}
	}
	if total > maxLabelBytes {
		t.Fatalf("%d bytes of labels", total)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	labels := map[string]string{"long": strings.Repeat("ü", 4000), "bad": "a\xffb", "": "x",
		strings.Repeat("k", 200): "v", "empty": "",
		"io.podman.annotations.init": "FALSE"}
	for i := range 500 {
		labels["n"+strconv.Itoa(i)] = strings.Repeat("v", i)
	}
	id := compose(place{id: id64}, []*record{{id: id64, name: "web\xff", labels: labels}}, nil, "", nil)
	checkRow(t, id)
	wantLabels(t, id, map[string]string{"name": "web\uFFFD", "label.bad": "a\uFFFDb", "label.empty": "",
		"label.io.podman.annotations.init": ""})
	if v := id.Label("label.long"); len(v) != maxLabelValue {
		t.Errorf("long value of %d bytes", len(v))
	}
	n := 0
	for _, l := range id.Labels {
		if strings.HasPrefix(l.Name, "label.") {
			n++
		}
	}
	if n == 0 || n > maxLabels {
		t.Errorf("%d labels of the runtime", n)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "abcd": "abcd", "abcde": "abcd", "abcü": "abc",
		"abü": "abü", "\xff\xff\xff": "\uFFFD", "abc\xff": "abc"} {
		if got := clean(in, 4); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}
