package logrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
)

// Handlers returns what a node answers about its logs. Names of sources, for
// query.LogResolver, are answered if logs implements that.
func Handlers(logs query.Logs) map[string]rpc.Handler {
	return map[string]rpc.Handler{
		verbEntries: func(ctx context.Context, request []byte, s *rpc.Stream) error {
			return encodeError(entries(ctx, logs, request, s))
		},
		verbList: func(ctx context.Context, request []byte, s *rpc.Stream) error {
			return encodeError(list(ctx, logs, request, s))
		},
	}
}

func entries(ctx context.Context, logs query.Logs, request []byte, s *rpc.Stream) (err error) {
	_, q, err := decodeRequest(request)
	if err != nil {
		return err
	}
	reader, err := logs.Entries(ctx, q)
	if err != nil {
		return err
	}
	defer reader.Close()
	w := newBatchWriter(ctx, s)
	defer func() {
		if e := w.close(); err == nil {
			err = e
		}
	}()
	if err := w.add(entry.Record{}); err != nil { // the query is accepted
		return err
	}
	for {
		rec, err := reader.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.add(rec); err != nil {
			return err
		}
	}
}

// list answers with one JSON document.
func list(ctx context.Context, logs query.Logs, b []byte, s *rpc.Stream) error {
	r, q, err := decodeRequest(b)
	if err != nil {
		return err
	}
	answer, err := find(ctx, logs, r, q)
	var partial *query.PartialError
	if errors.As(err, &partial) {
		answer = unfinished{true, answer}
	} else if err != nil {
		return err
	}
	if b, err = json.Marshal(answer); err != nil {
		return err
	}
	if len(b) > maxList {
		return rpc.Errorf(rpc.Exhausted, "the list has more than %d MiB: narrow the query", maxList>>20)
	}
	return s.Send(ctx, b)
}

// unfinished is the document of a list for which there was no time to read all entries. That
// of another one is the list alone.
type unfinished struct {
	Unfinished bool `json:"unfinished"`
	List       any  `json:"list"`
}

func find(ctx context.Context, logs query.Logs, r *request, q *query.LogQuery) (any, error) {
	switch r.List {
	case listFields:
		return logs.Fields(ctx, q)
	case listValues:
		if r.Limit < 1 {
			return nil, fmt.Errorf("%w: values without a limit", query.ErrBadLogQuery)
		}
		values, err := logs.Values(ctx, q, r.Field, r.Limit)
		out := make([][]byte, len(values)) // any bytes cross as base64
		for i, v := range values {
			out[i] = []byte(v)
		}
		return out, err
	case listHistogram:
		if r.Step < 1 {
			return nil, fmt.Errorf("%w: a histogram without a step", query.ErrBadLogQuery)
		}
		return logs.Histogram(ctx, q, r.Step)
	case listBoots:
		return logs.Boots(ctx, q)
	case listSources:
		if resolver, ok := logs.(query.LogResolver); ok {
			return resolver.Sources(ctx, q)
		}
		return nil, fmt.Errorf("names of sources: %w", errors.ErrUnsupported)
	}
	return nil, fmt.Errorf("%w: this node knows no list of %q", query.ErrBadLogQuery, r.List)
}
