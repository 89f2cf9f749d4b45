package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// collector is a sink.
type collector struct {
	cfg     *Config
	client  *http.Client
	base    string // URL without a path
	channel string
	enc     sink.Encoder
	body    []byte
}

// answer is what the HTTP Event Collector answers.
type answer struct {
	Text    string `json:"text"`
	Code    *int   `json:"code"`
	Invalid *int   `json:"invalid-event-number"`
	AckID   *int64 `json:"ackId"`
}

// Codes of answers ("Troubleshoot HTTP Event Collector", possible error codes).
const (
	codeSuccess        = 0
	codeNoData         = 5
	codeIncorrectIndex = 7
	codeNoChannel      = 10
	codeBadChannel     = 11
	codeAckDisabled    = 14
)

// Close implements sink.Sink.
func (c *collector) Close() error {
	c.client.CloseIdleConnections()
	return nil
}

// Test implements sink.Sink: a request without events is answered by "No data", if the
// token is valid.
func (c *collector) Test(ctx context.Context) error {
	a, got, err := c.post(ctx, "/services/collector/event", nil, []byte{})
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusOK, got.Code != nil && *got.Code == codeNoData:
		return nil
	}
	return &a
}

// Write implements sink.Sink. An event that is refused by its number is left out, and the
// others are sent again at once; a request that is refused without a number is split.
func (c *collector) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	index := make([]int, len(batch)) // of the records that are sent
	for i := range index {
		index[i] = i
	}
	records := slices.Clone(batch)
	var res sink.Result
	for len(records) > 0 {
		one := c.send(ctx, records)
		if one.Err == nil && len(one.Refused) == 1 && len(records) > 1 {
			bad := one.Refused[0].Index
			one.Refused[0].Index = index[bad]
			res.Refused = append(res.Refused, one.Refused[0])
			records, index = slices.Delete(records, bad, bad+1), slices.Delete(index, bad, bad+1)
			continue
		}
		for _, r := range one.Refused {
			r.Index = index[r.Index]
			res.Refused = append(res.Refused, r)
		}
		for _, i := range one.Retry {
			res.Retry = append(res.Retry, index[i])
		}
		for _, i := range one.TooLarge {
			res.TooLarge = append(res.TooLarge, index[i])
		}
		res.Err, res.After = one.Err, one.After
		break
	}
	return res
}

// send sends one request. With acknowledgement it waits until the indexers have it.
func (c *collector) send(ctx context.Context, records []*sink.Record) sink.Result {
	n := len(records)
	path, query := "/services/collector/event", url.Values{}
	if c.cfg.Raw {
		path = "/services/collector/raw"
		query.Set("sourcetype", c.cfg.SourceType)
		query.Set("source", c.source(records[0]))
		query.Set("host", records[0].Host())
		if c.cfg.Index != "" {
			query.Set("index", c.cfg.Index)
		}
	}
	a, got, err := c.post(ctx, path, query, c.encode(records))
	switch {
	case err != nil:
		return sink.RetryAll(n, err)
	case a.Status == http.StatusOK && got.Code != nil && *got.Code == codeSuccess:
		if !c.cfg.Ack {
			return sink.Result{}
		}
		if got.AckID == nil {
			return sink.RetryAll(n, errors.New("the answer has no ackId: enable indexer acknowledgement for the token, "+
				"or set ack: false"))
		}
		return c.acknowledged(ctx, *got.AckID, n)
	case a.Status == http.StatusRequestEntityTooLarge:
		return sink.SplitAll(n, a.Error())
	case a.Status == http.StatusBadRequest && got.Code != nil:
		switch *got.Code {
		case codeIncorrectIndex, codeNoChannel, codeBadChannel, codeAckDisabled: // of the configuration
		default:
			return refused(n, &a, &got)
		}
	}
	r := sink.RetryAll(n, &a)
	r.After = a.After
	return r
}

// refused returns the result of a request whose content is refused.
func refused(n int, a *sink.Answer, got *answer) sink.Result {
	reason := fmt.Sprint("code_", *got.Code)
	switch {
	case got.Invalid != nil && *got.Invalid >= 0 && *got.Invalid < n:
		return sink.Result{Refused: []sink.Refusal{{Index: *got.Invalid, Reason: reason, Detail: a.Error()}}}
	case n > 1:
		return sink.SplitAll(n, a.Error())
	}
	return sink.RefuseAll(n, reason, a.Error())
}

// acknowledged asks until the indexers have a request. One that they do not have in time
// is sent again, on another channel, as Splunk advises.
func (c *collector) acknowledged(ctx context.Context, id int64, n int) sink.Result {
	limit := c.cfg.AckTimeout.Or(45 * time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		have, err := c.ask(ctx, id)
		if have {
			return sink.Result{}
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			continue
		case <-ctx.Done():
			t.Stop()
		}
		c.channel = newChannel()
		err = fmt.Errorf("no acknowledgement within %v (ack_timeout)", limit)
		return sink.RetryAll(n, errors.Join(err, last))
	}
}

// ask reports whether the indexers have a request.
func (c *collector) ask(ctx context.Context, id int64) (bool, error) {
	h, err := c.header()
	if err != nil {
		return false, err
	}
	body := fmt.Appendf(nil, `{"acks":[%d]}`, id)
	a, err := sink.Post(ctx, c.client, c.base+"/services/collector/ack?channel="+c.channel, h, body, false)
	if err != nil {
		return false, err
	}
	var got struct {
		Acks map[string]bool `json:"acks"`
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &got) != nil {
		return false, &a
	}
	return got.Acks[fmt.Sprint(id)], nil
}

func (c *collector) header() (http.Header, error) {
	token, err := c.cfg.Token.Read()
	if err != nil {
		return nil, fmt.Errorf("token_file: %w", err)
	}
	return http.Header{
		"Authorization": {"Splunk " + token}, "Content-Type": {"application/json"},
		"X-Splunk-Request-Channel": {c.channel},
	}, nil
}

// post sends a request, and decodes the answer as far as it is one.
func (c *collector) post(ctx context.Context, path string, q url.Values, body []byte) (a sink.Answer, got answer,
	err error) {
	h, err := c.header()
	if err != nil {
		return a, got, err
	}
	u := c.base + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	a, err = sink.Post(ctx, c.client, u, h, body, !c.cfg.NoGzip && len(body) > 0)
	if err != nil {
		return a, got, err
	}
	if json.Unmarshal(a.Body, &got) != nil && a.Status == http.StatusOK {
		err = fmt.Errorf("this is no answer of an HTTP Event Collector: %s", sink.Excerpt(a.Body))
	}
	return a, got, err
}
