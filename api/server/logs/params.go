package logs

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

// Limits of parameters.
const (
	maxParam     = 1024     // bytes of a value
	maxCursor    = 48 << 10 // bytes of a cursor
	maxValues    = 128      // values of a parameter
	defaultLimit = 1000     // entries, of a query that does not follow
	followLimit  = 10       // entries of the past, of one that follows
)

// selection are the parameters that all routes have.
var selection = []string{
	"agent", "container", "task", "framework", "executor", "application", "unit",
	"match", "grep", "priority", "since", "until", "boot",
}

// lists are the parameters that may be given more than once, or as a list with commas.
var lists = []string{
	"agent", "container", "task", "framework", "executor", "application", "unit", "fields",
}

// parseParams parses the query of a request, whose names are the selection and others.
// Unknown names are errors, so that a misspelled filter is not left out.
func parseParams(r *http.Request, others ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, web.BadRequest("the query cannot be read: %v", err)
	}
	names := append(slices.Clone(selection), others...)
	for name, values := range q {
		if name == "token" { // read by the guard
			continue
		}
		if !slices.Contains(names, name) {
			return nil, web.BadRequest("unknown parameter %q: the parameters are %s", name, strings.Join(names, ", "))
		}
		if err := checkValues(name, values); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func checkValues(name string, values []string) error {
	many, longest := slices.Contains(lists, name) || name == "match", maxParam
	if name == "cursor" {
		longest = maxCursor
	}
	switch {
	case !many && len(values) > 1:
		return web.BadRequest("parameter %q is given %d times: give it once", name, len(values))
	case len(values) > maxValues:
		return web.BadRequest("parameter %q is given more than %d times", name, maxValues)
	}
	for _, v := range values {
		if len(v) > longest {
			return web.BadRequest("a value of parameter %q is longer than %d bytes", name, longest)
		}
	}
	return nil
}

// list returns the values of a parameter that may be given more than once.
func list(q url.Values, name string) ([]string, error) {
	var out []string
	for _, v := range q[name] {
		for one := range strings.SplitSeq(v, ",") {
			if one = strings.TrimSpace(one); one != "" {
				out = append(out, one)
			}
		}
	}
	switch {
	case len(out) > maxValues:
		return nil, web.BadRequest("parameter %q has more than %d values", name, maxValues)
	case len(out) == 0 && q.Has(name):
		return nil, web.BadRequest("parameter %q is empty: leave it out to select everything", name)
	}
	return out, nil
}

// selected returns the part of a query that all routes have.
func (a *API) selected(r *http.Request, q url.Values) (*query.LogQuery, error) {
	out := &query.LogQuery{Grep: q.Get("grep"), Matches: q["match"], Boot: q.Get("boot"), Scope: a.o.Scope(r)}
	var err error
	for name, p := range map[string]*[]string{
		"agent": &out.Agents, "container": &out.Containers, "task": &out.Tasks, "framework": &out.Frameworks,
		"executor": &out.Executors, "application": &out.Applications, "unit": &out.Units,
	} {
		if *p, err = list(q, name); err != nil {
			return nil, err
		}
	}
	for _, m := range out.Matches {
		if name, _, ok := strings.Cut(m, "="); m != "+" && (!ok || !fieldName(name)) {
			return nil, web.BadRequest("match=%q: use FIELD=value, or + between alternatives", m)
		}
	}
	if _, err := regexp.Compile(out.Grep); err != nil {
		return nil, web.BadRequest("grep=%q: %v", out.Grep, err)
	}
	if q.Has("boot") && out.Boot == "" {
		out.Boot = "0"
	}
	if out.Priority, err = priorities(q.Get("priority")); err != nil {
		return nil, err
	}
	if out.Since, err = timeParam(q, "since", a.o.Now()); err != nil {
		return nil, err
	}
	if out.Until, err = timeParam(q, "until", a.o.Now()); err != nil {
		return nil, err
	}
	if out.Until != 0 && out.Since > out.Until {
		return nil, web.BadRequest("since is after until")
	}
	return out, nil
}

// fieldName reports whether a text is the name of a field (systemd.journal-fields(7)).
func fieldName(s string) bool {
	if s == "" || len(s) > 64 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func boolParam(q url.Values, name string) (bool, error) {
	switch v := q.Get(name); v {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	case "":
		return q.Has(name), nil
	default:
		return false, web.BadRequest("%s=%q: use 1 or 0", name, v)
	}
}

// intParam returns the value of a parameter, and whether it is there.
func intParam(q url.Values, name string) (int64, bool, error) {
	v := q.Get(name)
	if v == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < -1<<40 || n > 1<<40 {
		return 0, false, web.BadRequest("%s=%q: use a whole number", name, v)
	}
	return n, true, nil
}
