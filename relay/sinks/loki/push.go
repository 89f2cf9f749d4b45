package loki

import (
	"context"
	"fmt"
	"net/http"

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
	ties
	lengths []int // of the lines of the batch, in bytes
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
	case a.Status == http.StatusNoContent, a.Status == http.StatusOK && len(a.Body) == 0:
		p.keepTies()
		return sink.Result{}
	case a.Status == http.StatusOK:
		return sink.RetryAll(len(batch), fmt.Errorf("this is no answer of Loki's push API: %s", sink.Excerpt(a.Body)))
	case a.Status == http.StatusRequestEntityTooLarge:
		return sink.SplitAll(len(batch), a.Error())
	case a.Status == http.StatusBadRequest:
		res := refused(batch, streams, p.lengths, &a)
		if len(res.Retry) == 0 && len(res.TooLarge) < len(batch) { // the other records are stored and not sent again
			p.keepTies()
		}
		return res
	}
	r := sink.RetryAll(len(batch), &a)
	r.After = a.After
	return r
}
