package logrpc

import (
	"context"
	"encoding/binary"
	"io"
	"reflect"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
)

func FuzzDecodeRequest(f *testing.F) {
	image := query.LogCondition{Tag: "image", Patterns: []string{"x"}}
	for _, q := range []*query.LogQuery{
		{}, {Tasks: []string{"a", "b*"}, Priority: &query.PriorityRange{Max: 3}, Cursor: "s=1;i=2", Follow: true},
		{Scope: &query.LogScope{Selectors: [][]query.LogCondition{{image}}}, Since: 5, Skip: -1},
	} {
		b, err := encodeRequest(request{List: listValues, Field: "A", Limit: 3}, q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"v":1,"query":{"unknown":1}}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, q, err := decodeRequest(b)
		if err != nil {
			return
		}
		again, err := encodeRequest(*r, q)
		if err != nil {
			return // it became larger
		}
		r2, q2, err := decodeRequest(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		once, _ := encodeRequest(*r2, q2)
		if string(once) != string(again) {
			t.Fatalf("%s became %s", again, once)
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	for _, err := range []error{&query.AmbiguousError{Selector: "a", Candidates: []string{"ab", "ac"}},
		query.ErrBadCursor} {
		f.Add("invalid", encodeError(err).Error())
	}
	f.Add("unavailable", "away")
	f.Fuzz(func(t *testing.T, code, message string) {
		if decodeError(&rpc.Error{Code: rpc.Code(code), Message: message}) == nil {
			t.Fatal("an error is none")
		}
	})
}

// chunks is a stream that has received some bytes, in chunks.
type chunks struct {
	b    []byte
	size int
}

func (c *chunks) Recv(context.Context) ([]byte, error) {
	if len(c.b) == 0 {
		return nil, io.EOF
	}
	n := min(c.size, len(c.b))
	p := c.b[:n:n]
	c.b = c.b[n:]
	return append([]byte(nil), p...), nil
}

func (c *chunks) Close() {}

func FuzzAnswer(f *testing.F) {
	var enc entry.Encoder
	answer := []byte{0}
	for i := range 3 {
		fields := []entry.Field{{Name: "MESSAGE", Value: make([]byte, 300*i)}}
		_ = enc.Add(&entry.Entry{Cursor: "c", Realtime: int64(i), Fields: fields})
		_ = enc.AddEvent(&entry.Event{Kind: entry.Gap, Count: 1})
		_ = enc.Finish(entry.Header{}, 0, func(m []byte) error {
			answer = append(binary.AppendUvarint(answer, uint64(len(m))), m...)
			return nil
		})
	}
	f.Add(answer, uint8(7))
	f.Add(append(answer, 0, 0, 0), uint8(200))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		var before []any
		for _, size := range []int{int(size) + 1, len(b) + 1} {
			r := &reader{stream: &chunks{b, size}}
			var all []any
			err := r.accepted(t.Context())
			for err == nil {
				var rec entry.Record
				if rec, err = r.Next(t.Context()); err == nil && rec.Entry != nil {
					all = append(all, clone(rec.Entry))
				}
				if len(all) > entry.MaxRecords {
					t.Fatal("too many entries")
				}
			}
			all = append(all, err.Error())
			if before != nil && !reflect.DeepEqual(all, before) {
				t.Fatalf("%v in chunks of %d bytes, and %v", all, size, before)
			}
			before = all
		}
	})
}
