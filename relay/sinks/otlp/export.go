package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// exporter is a sink.
type exporter struct {
	cfg  *Config
	send sender
	end  func()
}

// Close implements sink.Sink.
func (e *exporter) Close() error {
	e.end()
	return nil
}

// Test implements sink.Sink: it sends a request without records.
func (e *exporter) Test(ctx context.Context) error {
	_, res := e.send(ctx, &request{})
	return res.Err
}

// Write implements sink.Sink.
func (e *exporter) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	n := len(batch)
	answer, res := e.send(ctx, encode(batch))
	if answer == nil {
		switch {
		case errors.Is(res.Err, sink.ErrTooLarge):
			return sink.SplitAll(n, res.Err.Error())
		case errors.Is(res.Err, errRefused) && n > 1: // one of them: find it
			return sink.SplitAll(n, res.Err.Error())
		case errors.Is(res.Err, errRefused):
			return sink.RefuseAll(n, "bad_request", res.Err.Error())
		}
		all := sink.RetryAll(n, res.Err)
		all.After = res.After
		return all
	}
	return partial(n, answer)
}

// partial returns the result of a request that the receiver took, perhaps in part. It says
// how many records it refused but not which, and must not be sent them again.
func partial(n int, answer *response) sink.Result {
	p := answer.GetPartialSuccess()
	refused := min(int(p.GetRejectedLogRecords()), n)
	if refused <= 0 {
		return sink.Result{}
	}
	detail := p.GetErrorMessage()
	if refused < n {
		detail = fmt.Sprintf("%d of a request of %d records, not told which: %s", refused, n, detail)
	}
	var res sink.Result
	for i := range refused {
		res.Refused = append(res.Refused, sink.Refusal{Index: i, Reason: "rejected", Detail: detail})
	}
	return res
}

// errRefused means that the request itself is refused: it is not sent again as it is.
var errRefused = errors.New("the receiver refuses the request")

// overHTTP sends requests by HTTP (OTLP/HTTP, binary protobuf).
func (c *Config) overHTTP(client *http.Client, url string) sender {
	return func(ctx context.Context, req *request) (*response, sink.Result) {
		headers, err := c.headers()
		if err != nil {
			return nil, sink.Result{Err: err}
		}
		h := http.Header{"Content-Type": {"application/x-protobuf"}}
		for name, v := range headers {
			h.Set(name, v)
		}
		body, err := proto.Marshal(req)
		if err != nil {
			return nil, sink.Result{Err: fmt.Errorf("%w: %w", errRefused, err)}
		}
		a, err := sink.Post(ctx, client, url, h, body, !c.NoGzip)
		switch {
		case err != nil:
			return nil, sink.Result{Err: err}
		case a.Status == http.StatusRequestEntityTooLarge:
			return nil, sink.Result{Err: fmt.Errorf("%w: %w", sink.ErrTooLarge, &a)}
		case a.Status == http.StatusBadRequest:
			return nil, sink.Result{Err: fmt.Errorf("%w: %w", errRefused, &a)}
		case a.Status != http.StatusOK:
			return nil, sink.Result{Err: &a, After: a.After}
		}
		var answer response
		if err := proto.Unmarshal(a.Body, &answer); err != nil {
			return nil, sink.Result{Err: fmt.Errorf("this is no answer of an OTLP receiver: %s", sink.Excerpt(a.Body))}
		}
		return &answer, sink.Result{}
	}
}

// export is the method of LogsService (opentelemetry/proto/collector/logs/v1).
const export = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// overGRPC sends requests by gRPC.
func (c *Config) overGRPC(conn *grpc.ClientConn) sender {
	return func(ctx context.Context, req *request) (*response, sink.Result) {
		headers, err := c.headers()
		if err != nil {
			return nil, sink.Result{Err: err}
		}
		ctx = metadata.NewOutgoingContext(ctx, metadata.New(headers))
		var opts []grpc.CallOption
		if !c.NoGzip {
			opts = append(opts, grpc.UseCompressor(gzip.Name))
		}
		var answer response
		err = conn.Invoke(ctx, export, req, &answer, opts...)
		if err == nil {
			return &answer, sink.Result{}
		}
		s := status.Convert(err)
		res := sink.Result{Err: err}
		switch s.Code() {
		case codes.InvalidArgument:
			res.Err = fmt.Errorf("%w: %w", errRefused, err)
		case codes.ResourceExhausted: // about load, unless it names the size
			if strings.Contains(s.Message(), "larger than max") {
				res.Err = fmt.Errorf("%w: %w", sink.ErrTooLarge, err)
			}
		}
		for _, d := range s.Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				res = sink.Result{Err: err, After: min(info.GetRetryDelay().AsDuration(), time.Hour)}
			}
		}
		return nil, res
	}
}
