package loki

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// push is a sink.
type push struct {
	cfg    *Config
	client *http.Client
	url    string
	enc    sink.Encoder
	line   []byte
	last   map[string]tied // by stream
}

// Close implements sink.Sink.
func (p *push) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

// Test implements sink.Sink: a push without streams is answered by 204, or by 400 or 422 from
// versions that want one.
func (p *push) Test(ctx context.Context) error {
	h, err := p.cfg.header()
	if err != nil {
		return err
	}
	a, err := sink.Post(ctx, p.client, p.url, h, s2.EncodeSnappy(nil, nil), false)
	switch {
	case err != nil:
		return err
	case a.Status < 300, a.Status == http.StatusBadRequest, a.Status == http.StatusUnprocessableEntity:
		return nil
	}
	return &a
}

// Write implements sink.Sink.
func (p *push) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	h, err := p.cfg.header()
	if err != nil {
		return sink.RetryAll(len(batch), err)
	}
	streams := make([]string, len(batch))
	for i, r := range batch {
		streams[i] = p.streamOf(r)
	}
	body := s2.EncodeSnappy(nil, p.encode(batch, streams))
	a, err := sink.Post(ctx, p.client, p.url, h, body, false)
	switch {
	case err != nil:
		return sink.RetryAll(len(batch), err)
	case a.Status == http.StatusOK, a.Status == http.StatusNoContent:
		return sink.Result{}
	case a.Status == http.StatusRequestEntityTooLarge:
		return sink.SplitAll(len(batch), a.Error())
	case a.Status == http.StatusBadRequest:
		return refused(batch, streams, &a)
	}
	r := sink.RetryAll(len(batch), &a)
	r.After = a.After
	return r
}

var (
	// Loki stores what it can of a request, and answers 400 for the rest, of which it names
	// some lines (pkg/validation/validate.go, pkg/ingester/stream.go).
	oldest  = regexp.MustCompile(`oldest acceptable timestamp is:? ([0-9T:.Z+-]+)`)
	tooOld  = regexp.MustCompile(`timestamp too old|too far behind|out of order`)
	tooNew  = regexp.MustCompile(`timestamp too new`)
	ignored = regexp.MustCompile(`total ignored: (\d+) out of (\d+)`)
	ofWhom  = regexp.MustCompile(`stream:? '?(\{[^}]*\})`)
)

// refused returns the result of an answer 400. If it is about times, the lines that Loki
// kept are not sent again: those older than it accepts are refused. Any other refusal is of
// the whole request, which is split until the record that is meant is alone.
func refused(batch []*sink.Record, streams []string, a *sink.Answer) sink.Result {
	text := string(a.Body)
	old, ahead := tooOld.MatchString(text), tooNew.MatchString(text)
	if !old && !ahead {
		if len(batch) > 1 {
			return sink.SplitAll(len(batch), a.Error())
		}
		return sink.RefuseAll(1, "bad_request", a.Error())
	}
	var res sink.Result
	limits := oldest.FindAllStringSubmatch(text, -1)
	limit := time.Time{}
	for _, m := range limits {
		if t, err := time.Parse(time.RFC3339Nano, strings.TrimRight(m[1], ".")); err == nil && t.After(limit) {
			limit = t
		}
	}
	streamNamed := ""
	if m := ofWhom.FindStringSubmatch(text); m != nil && len(limits) > 0 {
		streamNamed = normal(m[1])
	}
	for i, r := range batch {
		reason := "too_old"
		hit := !limit.IsZero() && r.Time().Before(limit)
		if strings.Contains(text, "too far behind") && streamNamed != "" && normal(streams[i]) != streamNamed {
			hit = false // the limit is that of one stream
		}
		if ahead && r.Time().After(time.Now().Add(5*time.Minute)) {
			hit, reason = true, "too_new"
		}
		if hit {
			res.Refused = append(res.Refused, sink.Refusal{Index: i, Reason: reason, Detail: a.Error()})
		}
	}
	if m := ignored.FindStringSubmatch(text); m != nil && len(res.Refused) == 0 {
		// It says how many, but not which: the first ones by time are the likeliest.
		n, _ := strconv.Atoi(m[1])
		for i := range min(n, len(batch)) {
			res.Refused = append(res.Refused, sink.Refusal{Index: i, Reason: "too_old",
				Detail: fmt.Sprintf("one of %d of this request, not told which: %s", n, a.Error())})
		}
	}
	if len(res.Refused) == 0 {
		res.Refused = sink.RefuseAll(1, "too_old", "one or more of this request, not told which: "+a.Error()).Refused
	}
	return res
}

// normal returns labels without spaces, as they are compared.
func normal(labels string) string {
	if s, err := url.QueryUnescape(labels); err == nil {
		labels = s
	}
	return strings.ReplaceAll(labels, " ", "")
}
