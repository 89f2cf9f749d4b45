package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"sync"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// record is a line of the output.
type record struct {
	Receiver   string
	Time       int64  // nanoseconds since 1970
	Body       []byte // of a text or of bytes, else as JSON
	Type       string // of the body
	Severity   int32
	Attributes map[string]any
	Resource   map[string]any
}

// writer appends records to a file.
type writer struct {
	mu   sync.Mutex
	file *os.File
}

func newWriter(path string) (*writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &writer{file: f}, err
}

// of returns a consumer for a receiver. A request is written whole or not at all.
func (w *writer) of(receiver string) (consumer.Logs, error) {
	return consumer.NewLogs(func(_ context.Context, all plog.Logs) error {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		for _, rl := range all.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					rec := record{receiver, int64(r.Timestamp()), nil, r.Body().Type().String(), int32(r.SeverityNumber()),
						r.Attributes().AsRaw(), rl.Resource().Attributes().AsRaw()}
					rec.Body = body(r.Body())
					if err := enc.Encode(rec); err != nil {
						return err
					}
				}
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		_, err := w.file.Write(b.Bytes())
		return err
	})
}

func body(v pcommon.Value) []byte {
	if v.Type() == pcommon.ValueTypeBytes {
		return v.Bytes().AsRaw()
	}
	return []byte(v.AsString())
}
