package elasticsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// bulk is a sink.
type bulk struct {
	cfg    *Config
	client *http.Client
	node   int // index of the URL that is used
	enc    sink.Encoder
	body   []byte
}

// Close implements sink.Sink.
func (b *bulk) Close() error {
	b.client.CloseIdleConnections()
	return nil
}

// Test implements sink.Sink: it asks each node who it is.
func (b *bulk) Test(ctx context.Context) error {
	h, err := b.cfg.header()
	if err != nil {
		return err
	}
	h.Del("Content-Type")
	var errs []error
	for _, u := range b.cfg.URLs {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
		if err == nil {
			req.Header = h
			var a sink.Answer
			if a, err = sink.Do(b.client, req); err == nil && a.Status != http.StatusOK {
				err = &a
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u, err))
		}
	}
	return errors.Join(errs...)
}

// Write implements sink.Sink.
func (b *bulk) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	h, err := b.cfg.header()
	if err != nil {
		return sink.RetryAll(len(batch), err)
	}
	b.encode(batch)
	a, err := sink.Post(ctx, b.client, b.url(), h, b.body, !b.cfg.NoGzip)
	if err != nil {
		b.node++
		return sink.RetryAll(len(batch), err)
	}
	return b.result(len(batch), &a)
}

// url returns the URL of the bulk API at the current node. filter_path limits the answer to
// what is read of it.
func (b *bulk) url() string {
	node := b.cfg.URLs[b.node%len(b.cfg.URLs)]
	u := strings.TrimSuffix(node, "/") +
		"/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason," +
		"items.*.error.caused_by.reason"
	if b.cfg.Pipeline != "" {
		u += "&pipeline=" + url.QueryEscape(b.cfg.Pipeline)
	}
	return u
}

// encode writes the request: an action and a document a record. An action "create" is taken
// by indexes and data streams alike, and conflicts with a document of the same id.
func (b *bulk) encode(batch []*sink.Record) {
	b.body = b.body[:0]
	for _, r := range batch {
		b.body = append(b.body, `{"create":{"_index":"`...)
		b.body = appendIndex(b.body, b.cfg.Index, r.Time())
		b.body = append(b.body, `","_id":"`...)
		b.body = append(b.body, r.ID...)
		b.body = append(b.body, "\"}}\n"...)
		b.body = append(b.enc.Append(b.body, r), '\n')
	}
}

// result reads an answer for n records.
func (b *bulk) result(n int, a *sink.Answer) sink.Result {
	switch {
	case a.Status == http.StatusRequestEntityTooLarge:
		return sink.SplitAll(n, a.Error())
	case a.Status == http.StatusBadRequest && n > 1: // one of them: find it
		return sink.SplitAll(n, a.Error())
	case a.Status == http.StatusBadRequest:
		return sink.RefuseAll(n, "bad_request", a.Error())
	case a.Status != http.StatusOK:
		if a.Status >= 500 {
			b.node++
		}
		r := sink.RetryAll(n, a)
		r.After = a.After
		return r
	}
	var answer struct {
		Errors *bool             `json:"errors"`
		Items  []map[string]item `json:"items"`
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil || answer.Errors == nil || len(answer.Items) != n {
		b.node++
		return sink.RetryAll(n, fmt.Errorf("this is no answer of the bulk API to %d records: %s", n, sink.Excerpt(a.Body)))
	}
	var r sink.Result
	for i, it := range answer.Items {
		for _, fate := range it { // one
			fate.judge(i, &r)
		}
		if len(it) != 1 {
			r.Retry = append(r.Retry, i)
			r.Err = errors.New("the answer of the bulk API has an item without an action")
		}
	}
	return r
}

// item is what the receiver says of one record.
type item struct {
	Status int `json:"status"`
	Error  struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Cause  struct {
			Reason string `json:"reason"`
		} `json:"caused_by"`
	} `json:"error"`
}

func (it *item) judge(i int, r *sink.Result) {
	detail := fmt.Sprintf("status %d: %s: %s", it.Status, it.Error.Type, it.Error.Reason)
	if it.Error.Cause.Reason != "" {
		detail += ": " + it.Error.Cause.Reason
	}
	switch {
	case it.Status == http.StatusOK, it.Status == http.StatusCreated:
	case it.Status == http.StatusConflict:
		r.Known++
	case it.Status == http.StatusRequestEntityTooLarge:
		r.TooLarge = append(r.TooLarge, i)
		r.Err = errors.New(detail)
	case it.Status == http.StatusBadRequest && !ofTheReceiver[it.Error.Type]:
		r.Refused = append(r.Refused, sink.Refusal{Index: i, Reason: reason(it.Error.Type), Detail: detail})
	default:
		r.Retry = append(r.Retry, i)
		r.Err = errors.New(detail)
	}
}

// ofTheReceiver are errors with status 400 that say nothing about the record: the cluster
// may have no room for another index, or the configured name is not possible.
var ofTheReceiver = map[string]bool{
	"validation_exception": true, "invalid_index_name_exception": true, "index_closed_exception": true,
}

// reason returns a short word for a type of error.
func reason(typ string) string {
	switch typ {
	case "mapper_parsing_exception", "document_parsing_exception", "strict_dynamic_mapping_exception",
		"illegal_argument_exception":
		return "mapping"
	case "parse_exception", "json_parse_exception", "x_content_parse_exception":
		return "parse"
	}
	return "rejected"
}
