package docs

import (
	"slices"
	"testing"
)

func TestCommands(t *testing.T) {
	page := "# A page\n```console\n$ a one\nout 12\n…\n$ b <<E\n> two\n> E\n```\n```yaml\n$ none\n```\n"
	got, err := commands(page)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].text != "a one" || !slices.Equal(got[0].output, []string{"out 12", "…"}) ||
		got[0].line != 3 ||
		got[1].text != "b <<E\ntwo\nE" || got[1].output != nil {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"```sh\nrm x\n```", "```\nx\n```", "```console\nout\n```", "```console\n$ x\n"} {
		if _, err := commands(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestMissing(t *testing.T) {
	c := command{output: []string{"NAME   CPU", "web  12.5%  0123456789abcdef", "…", "db 1", "a … c", "b 720KiB"}}
	got := c.missing("NAME CPU\nweb 0.3%   fedcba98765432100\na b b c\nb 1.07MiB\n")
	if !slices.Equal(got, []string{"db 1"}) {
		t.Errorf("missing %q, want only db", got)
	}
}
