package loki

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// What Loki 3 says in an answer 400. It has stored the other lines of the request.
//
// Its distributor counts equal errors (GroupedErrors) of single entries:
// https://github.com/grafana/loki/blob/65e30f8488e8a5ea2013c6881675f8103a8f6bc7/pkg/validation/validate.go
// https://github.com/grafana/loki/blob/65e30f8488e8a5ea2013c6881675f8103a8f6bc7/pkg/util/errors/errors.go
//
// Its ingester names ten entries of a stream, and how many there are; of a request with several
// streams it tells of the last one alone:
// https://github.com/grafana/loki/blob/65e30f8488e8a5ea2013c6881675f8103a8f6bc7/pkg/ingester/stream.go
// https://github.com/grafana/loki/blob/65e30f8488e8a5ea2013c6881675f8103a8f6bc7/pkg/chunkenc/interface.go
const (
	anyLabels = `\{(?:[a-zA-Z_][a-zA-Z0-9_.]*="(?:[^"\\]|\\.)*"(?:, ?)?)*\}`
	times     = `(?:(\d+) errors like: )?`
	when      = `([0-9][0-9T:.Z+-]*)`
)

var (
	tooOld = regexp.MustCompile(times + `entry for stream '(` + anyLabels + `)' has timestamp too old: ` + when +
		`, oldest acceptable timestamp is: ` + when)
	tooNew  = regexp.MustCompile(times + `entry for stream '(` + anyLabels + `)' has timestamp too new: ` + when)
	tooLong = regexp.MustCompile(times + `max entry size '\d+' bytes exceeded for stream '(` + anyLabels +
		`)' while adding an entry with length '(\d+)' bytes`)
	ignored = regexp.MustCompile(`entry with timestamp (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 UTC) ` +
		`ignored, reason: '([^']*)'(?: for stream: ` + anyLabels + `)?,?`)
	total = regexp.MustCompile(`(?:user '[^']*', )?total ignored: (\d+) out of \d+(?: for stream: (` + anyLabels + `))?`)
	label = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_.]*="(?:[^"\\]|\\.)*"`)
)

// finding is what an answer says of so many records of a stream.
type finding struct {
	n      int
	stream string // "" for any
	reason string // "" if they are too long
	is     func(i int) bool
}

// refused returns the result of an answer 400. The records that it tells of are not sent
// again; those that are too long are cut. If it says something else, too, or nothing that
// is understood, the others are sent again, in smaller requests.
func refused(batch []*sink.Record, streams []string, lengths []int, a *sink.Answer) sink.Result {
	found, rest := findings(batch, lengths, string(a.Body))
	found = slices.DeleteFunc(found, func(f finding) bool { return f.n <= 0 })
	if len(found) == 0 {
		if len(batch) > 1 {
			return sink.SplitAll(len(batch), a.Error())
		}
		return sink.RefuseAll(1, "bad_request", a.Error())
	}
	order := make([]int, len(batch)) // what is late is refused first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return batch[i].Time().Compare(batch[j].Time()) })
	taken := make([]bool, len(batch))
	var res sink.Result
	for _, f := range found {
		for _, i := range f.choose(order, streams, taken) {
			if f.reason == "" {
				res.TooLarge = append(res.TooLarge, i)
			} else {
				res.Refused = append(res.Refused, sink.Refusal{Index: i, Reason: f.reason, Detail: a.Error()})
			}
		}
	}
	slices.Sort(res.TooLarge)
	slices.SortFunc(res.Refused, func(x, y sink.Refusal) int { return x.Index - y.Index })
	for i := range batch {
		if rest && !taken[i] {
			res.Retry = append(res.Retry, i)
		}
	}
	if len(res.TooLarge)+len(res.Retry) > 0 {
		res.Err = a
	}
	return res
}

// choose takes as many records as the finding is about: those that it describes, else any of
// the stream, else any. What is refused must not count as delivered.
func (f *finding) choose(order []int, streams []string, taken []bool) (all []int) {
	anyTime := func(int) bool { return true }
	for _, like := range []struct {
		stream string
		is     func(int) bool
	}{{f.stream, f.is}, {"", f.is}, {f.stream, anyTime}, {"", anyTime}} {
		for _, i := range order {
			if len(all) < f.n && !taken[i] && like.is(i) && within(streams[i], like.stream) {
				taken[i] = true
				all = append(all, i)
			}
		}
	}
	return all
}

// findings reads an answer. rest reports whether it says more than that.
func findings(batch []*sink.Record, lengths []int, text string) (found []finding, rest bool) {
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 1
		}
		return n
	}
	take := func(re *regexp.Regexp, f func(m []string)) {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			f(m)
		}
		text = re.ReplaceAllString(text, "")
	}
	inSecond := func(s string) func(int) bool {
		t, err := time.Parse(time.RFC3339, s)
		return func(i int) bool { return err == nil && batch[i].Time().Unix() == t.Unix() }
	}
	take(tooOld, func(m []string) { found = append(found, finding{number(m[1]), m[2], "too_old", inSecond(m[3])}) })
	take(tooNew, func(m []string) { found = append(found, finding{number(m[1]), m[2], "too_new", inSecond(m[3])}) })
	take(tooLong, func(m []string) {
		found = append(found, finding{number(m[1]), m[2], "", func(i int) bool { return lengths[i] == number(m[3]) }})
	})
	named, reason := map[int64]bool{}, ""
	take(ignored, func(m []string) {
		if t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", m[1]); err == nil {
			named[t.UnixMicro()] = true
		}
		reason = "out_of_order"
		if strings.HasPrefix(m[2], "entry too far behind") {
			reason = "too_far_behind"
		}
	})
	take(total, func(m []string) {
		if reason == "" {
			reason = "too_far_behind"
		}
		is := func(i int) bool { return named[batch[i].Time().UnixMicro()] }
		found = append(found, finding{number(m[1]), m[2], reason, is})
	})
	return found, strings.Trim(text, "; ,\r\n") != ""
}

// within reports whether a stream has all of its labels in a set: Loki sorts them, and may
// have added some.
func within(stream, set string) bool {
	if set == "" {
		return true
	}
	theirs := label.FindAllString(set, -1)
	for _, l := range label.FindAllString(stream, -1) {
		if !slices.Contains(theirs, l) {
			return false
		}
	}
	return true
}
