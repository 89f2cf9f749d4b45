package containers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// grpcConn calls gRPC methods over a unix socket with net/http's HTTP/2 client.
// The dozen messages we read do not pay for grpc-go and two generated APIs: 7.6
// MB of binary and 6 MB of resident memory.
type grpcConn struct {
	http   *http.Client
	socket string
}

// maxMessage bounds one gRPC message, in bytes: as containerd's own client does.
const maxMessage = 16 << 20

func newGRPC(socket string) *grpcConn {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: askTimeout}).DialContext(ctx, "unix", socket)
		},
		Protocols: new(http.Protocols),
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &grpcConn{&http.Client{Transport: t}, socket}
}

// grpcError is a status other than OK.
type grpcError struct {
	method, message string
	code            int
}

func (e *grpcError) Error() string {
	return fmt.Sprintf("%s: grpc status %d: %s", e.method, e.code, e.message)
}

// Status codes of gRPC (google.rpc.Code).
const (
	codeNotFound      = 5
	codeUnimplemented = 12
)

func isCode(err error, code int) bool {
	e, ok := err.(*grpcError)
	return ok && e.code == code
}

// call sends a request and gives each message of the answer to each: one for a
// unary method, any number for a server stream.
func (c *grpcConn) call(ctx context.Context, method, namespace string, request []byte, each func([]byte) error) error {
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/"+method, bytes.NewReader(append(frame, request...)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	if namespace != "" {
		req.Header.Set("containerd-namespace", namespace)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", method, res.Status)
	}
	if err := status(method, res.Header); err != nil { // an answer of trailers alone
		return err
	}
	for {
		msg, err := readMessage(res.Body)
		if err == io.EOF {
			return status(method, res.Trailer)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if err := each(msg); err != nil {
			return err
		}
	}
}

func readMessage(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if head[0] != 0 || n > maxMessage {
		return nil, fmt.Errorf("message of %d bytes, compression %d: not taken", n, head[0])
	}
	// Grow with what comes, not with what is announced.
	var buf bytes.Buffer
	_, err := io.CopyN(&buf, r, int64(n))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return buf.Bytes(), err
}

func status(method string, h http.Header) error {
	s := h.Get("Grpc-Status")
	code, err := strconv.Atoi(s)
	if s == "" || err == nil && code == 0 {
		return nil
	}
	msg, err := url.PathUnescape(h.Get("Grpc-Message"))
	if err != nil {
		msg = h.Get("Grpc-Message")
	}
	return &grpcError{method, msg, code}
}

// fields walks a protobuf message: v for a length-delimited field, n for a
// varint. Other wire types are passed over.
func fields(b []byte, f func(num protowire.Number, v []byte, n uint64)) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch typ {
		case protowire.BytesType:
			v, m := protowire.ConsumeBytes(b)
			if n = m; n >= 0 {
				f(num, v, 0)
			}
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(b)
			if n = m; n >= 0 {
				f(num, nil, v)
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

// nested reads the fields of a message inside another; a broken one reads as
// far as it goes.
func nested(b []byte, f func(num protowire.Number, v []byte, n uint64)) { _ = fields(b, f) }

// mapEntry adds an entry of a map<string, string> to m, in bounds.
func mapEntry(m map[string]string, b []byte) {
	var k, v string
	nested(b, func(num protowire.Number, s []byte, _ uint64) {
		switch num {
		case 1:
			k = string(s)
		case 2:
			v = string(s[:min(len(s), maxLabelValue)])
		}
	})
	if k != "" && len(k) <= maxLabelKey && len(m) < 4*maxLabels {
		m[k] = v
	}
}

func appendString(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}
