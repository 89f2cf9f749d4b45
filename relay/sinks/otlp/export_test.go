package otlp

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	collogs "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// receiver takes exports, over HTTP and over gRPC.
type receiver struct {
	mu     sync.Mutex
	got    []*request
	status int // of HTTP, instead
	err    error
	reject int64 // records of a request that are refused
}

func (r *receiver) take(req *request) *response {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, req)
	answer := &response{}
	if r.reject > 0 {
		answer.PartialSuccess = &collogs.ExportLogsPartialSuccess{RejectedLogRecords: r.reject, ErrorMessage: "too old"}
	}
	return answer
}

func (r *receiver) set(status int, err error, reject int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.err, r.reject = status, err, reject
}

func (r *receiver) fails() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status, r.err
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	if s, _ := r.fails(); s != 0 {
		w.WriteHeader(s)
		return
	}
	z, err := gzip.NewReader(in.Body)
	if err != nil || in.URL.Path != "/v1/logs" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	body, _ := io.ReadAll(z)
	var req request
	if err := proto.Unmarshal(body, &req); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b, _ := proto.Marshal(r.take(&req))
	w.Write(b)
}

// overGRPC serves r by gRPC.
func overGRPC(t *testing.T, r *receiver) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	srv.RegisterService(&grpc.ServiceDesc{ServiceName: "opentelemetry.proto.collector.logs.v1.LogsService",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Export", Handler: func(_ any, _ context.Context, dec func(any) error,
			_ grpc.UnaryServerInterceptor) (any, error) {
			var req request
			if err := dec(&req); err != nil {
				return nil, err
			}
			if _, err := r.fails(); err != nil {
				return nil, err
			}
			return r.take(&req), nil
		}}}}, r)
	go srv.Serve(l)
	t.Cleanup(srv.Stop)
	return l.Addr().String()
}

func open(t *testing.T, c Config) sink.Sink {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestExports(t *testing.T) {
	r := new(receiver)
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	for name, c := range map[string]Config{"http": {URL: srv.URL}, "grpc": {GRPC: overGRPC(t, r)}} {
		t.Run(name, func(t *testing.T) {
			r.got = nil
			s := open(t, c)
			if err := s.Test(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.got = nil
			batch := append(testlog.Records(0, 10), testlog.Odd()...)
			if res := s.Write(t.Context(), batch); res.Err != nil || len(res.Retry)+len(res.Refused) > 0 {
				t.Fatalf("%+v", res)
			}
			n := 0
			for _, rl := range r.got[0].ResourceLogs {
				for _, rec := range rl.ScopeLogs[0].LogRecords {
					if id := rec.Attributes[0]; id.Key != "log.record.uid" || id.Value.GetStringValue() != batch[n].ID ||
						rec.TimeUnixNano != uint64(batch[n].Time().UnixNano()) {
						t.Errorf("record %d: %v", n, rec)
					}
					if m := batch[n].Message(); rec.Body.GetStringValue() != string(m) &&
						string(rec.Body.GetBytesValue()) != string(m) {
						t.Errorf("record %d: %.100v", n, rec.Body)
					}
					n++
				}
			}
			if n != len(batch) {
				t.Errorf("%d records", n)
			}
			r.set(0, nil, 3)
			if res := s.Write(t.Context(), testlog.Records(0, 10)); len(res.Refused) != 3 || len(res.Retry) > 0 {
				t.Errorf("partial success: %+v", res)
			}
			r.set(503, status.Error(codes.Unavailable, "busy"), 0)
			if res := s.Write(t.Context(), testlog.Records(0, 10)); len(res.Retry) != 10 || s.Test(t.Context()) == nil {
				t.Errorf("busy: %+v", res)
			}
			r.set(400, status.Error(codes.InvalidArgument, "bad"), 0)
			if res := s.Write(t.Context(), testlog.Records(0, 10)); len(res.TooLarge) != 10 {
				t.Errorf("refused: %+v", res)
			}
			if res := s.Write(t.Context(), testlog.Records(0, 1)); len(res.Refused) != 1 {
				t.Errorf("one is refused: %+v", res)
			}
			r.set(0, nil, 0)
			if name == "grpc" {
				big := testlog.Record(1, randomText(5<<20))
				if res := s.Write(t.Context(), []*sink.Record{big}); len(res.TooLarge) != 1 {
					t.Errorf("5 MiB: %v", res.Err)
				}
			}
		})
	}
}

func randomText(n int) string {
	var b []byte
	for i := uint64(1); len(b) < n; i++ {
		b = strconv.AppendUint(b, i*0x9E3779B97F4A7C15, 36)
	}
	return string(b)
}
