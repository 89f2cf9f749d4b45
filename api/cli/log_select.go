package cli

import (
	"errors"
	"fmt"

	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// sourceFlags registers the flags that select by what the entries are of.
func (o *logOptions) sourceFlags(fs *pflag.FlagSet) {
	o.sources = map[string]*[]string{}
	for _, f := range [][2]string{
		{"task", "print entries of the task `TASK`: a name, an id or a pattern; repeatable"},
		{"container", "print entries of the container `ID`, or the beginning of its id; repeatable"},
		{"framework", "print entries of tasks of the framework `FRAMEWORK`: a name, an id or a pattern; repeatable"},
		{"executor", "print entries of tasks of the executor `ID`, or of a pattern; repeatable"},
		{"application", "print entries of tasks of the application `NAME`, or of a pattern; repeatable"},
	} {
		o.sources[f[0]] = fs.StringArray(f[0], nil, f[1])
	}
}

// matches returns the arguments that select entries by fields, as the API has them.
func (o *logOptions) matches() ([]string, error) {
	var all []string
	for _, f := range o.filters {
		m, err := match(f)
		if err != nil {
			return nil, fmt.Errorf("--filter: %w", err)
		}
		all = append(all, m)
	}
	all, err := require(all, "--identifier", "SYSLOG_IDENTIFIER", o.identifiers)
	if err == nil && o.dmesg {
		all, err = require(all, "--dmesg", "_TRANSPORT", []string{"kernel"})
	}
	return all, err
}

// require adds a field that has to have one of some values, whatever else is selected: to
// each of the groups between which "+" stands.
func require(matches []string, flag, field string, values []string) ([]string, error) {
	if len(values) == 0 {
		return matches, nil
	}
	var all []string
	add := func() {
		for _, v := range values {
			all = append(all, field+"="+v)
		}
	}
	before := ""
	for _, m := range matches {
		switch {
		case m == "+" && before != "+" && before != "": // else the relay says what is wrong
			add()
		case strings.HasPrefix(m, field+"="): // it would be one more alternative
			return nil, fmt.Errorf("%s and %s= exclude each other", flag, field)
		}
		all, before = append(all, m), m
	}
	if before != "+" {
		add()
	}
	return all, nil
}

// match returns a filter in the form FIELD=VALUE. As for journalctl, "+" stands between
// groups of which one has to match.
func match(filter string) (string, error) {
	if filter == "+" {
		return filter, nil
	}
	i := strings.IndexAny(filter, "=:")
	if i < 1 {
		return "", errors.New(strconv.Quote(filter) + " is not of the form FIELD=VALUE")
	}
	return strings.ToUpper(filter[:i]) + "=" + filter[i+1:], nil
}

// lineCount is the value of --lines: how many, or allLines.
type lineCount int

const allLines lineCount = -1

var _ pflag.Value = (*lineCount)(nil)

func (n *lineCount) String() string {
	if *n == allLines {
		return "all"
	}
	return strconv.Itoa(int(*n))
}

func (n *lineCount) Set(s string) error {
	if s == "all" {
		*n = allLines
		return nil
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return errors.New("give 0, a positive number, or all")
	}
	*n = lineCount(v)
	return nil
}

func (n *lineCount) Type() string { return "N" }
