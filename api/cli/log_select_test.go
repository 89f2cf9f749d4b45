package cli

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Flags that select by a field hold for each group between which "+" stands.
func TestLogMatches(t *testing.T) {
	for _, c := range []struct{ args, want, err string }{
		{"", "", ""},
		{"--filter a:b --filter C=d:e", "A=b C=d:e", ""},
		{"-t x", "SYSLOG_IDENTIFIER=x", ""},
		{"-t x -t y --filter A=1 --filter + --filter B=2",
			"A=1 SYSLOG_IDENTIFIER=x SYSLOG_IDENTIFIER=y + B=2 SYSLOG_IDENTIFIER=x SYSLOG_IDENTIFIER=y", ""},
		{"-k --filter PRIORITY=3", "PRIORITY=3 _TRANSPORT=kernel", ""},
		{"-k -t kernel", "SYSLOG_IDENTIFIER=kernel _TRANSPORT=kernel", ""},
		{"-t x --filter A=1 --filter +", "A=1 SYSLOG_IDENTIFIER=x +", ""}, // the relay refuses it
		{"-t x --filter +", "+", ""},
		{"-t x --filter SYSLOG_IDENTIFIER=y", "", "--identifier and SYSLOG_IDENTIFIER= exclude each other"},
		{"--dmesg --filter _transport:stdout", "", "--dmesg and _TRANSPORT= exclude each other"},
		{"--filter x", "", "--filter"},
	} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		o := logFlags(fs, "short")
		if err := fs.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		got, err := o.matches()
		if err != nil && c.err == "" || err == nil && c.err != "" || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", c.args, err, c.err)
		}
		if s := strings.Join(got, " "); s != c.want && c.err == "" {
			t.Errorf("%s: %s, want %s", c.args, s, c.want)
		}
	}
}

// --lines is a number or all; what a boot or times bound is whole without it, and so is what
// the kernel logged.
func TestLogLines(t *testing.T) {
	for _, c := range []struct{ args, limit, tail, boot string }{
		{"", "10", "true", ""}, {"-n3", "3", "true", ""}, {"-n all", "all", "", ""}, {"--all", "all", "", ""},
		{"--lines=0", "0", "true", ""}, {"-b -n2", "2", "true", "0"}, {"-b", "all", "", "0"}, {"-k", "all", "", "0"},
		{"-k -n4", "4", "true", "0"}, {"-k --boot=-1", "all", "", "-1"}, {"-f -n all", "all", "", ""},
	} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		o := logFlags(fs, "short")
		if err := fs.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		v := o.values()
		if v.Get("limit") != c.limit || v.Get("tail") != c.tail || v.Get("boot") != c.boot {
			t.Errorf("%s: %v", c.args, v)
		}
	}
	for _, bad := range []string{"-1", "x", "", "1.5", "ALL"} {
		if _, errs := ask(t, 2, "log", "--lines="+bad); !strings.Contains(errs, "or all") {
			t.Errorf("%q: %s", bad, errs)
		}
	}
	ask(t, 2, "log", "--all", "-n", "all")
}
