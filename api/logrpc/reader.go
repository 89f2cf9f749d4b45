package logrpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/rpc"
)

// signOfLife is how long a reader that follows waits for a record before it returns an
// empty one.
const signOfLife = 14 * time.Second

// maxFrame bounds a frame of an answer, in bytes.
const maxFrame = entry.MaxBatch + entry.MaxBatch/8

var errFrame = errors.New("the node's answer is malformed")

// decoders are used while a batch is read, so that a stream on which nothing comes holds
// none.
var decoders = sync.Pool{New: func() any { return new(entry.Decoder) }}

// source is what a reader needs of an rpc.Stream.
type source interface {
	Recv(ctx context.Context) ([]byte, error)
	Close()
}

var _ source = (*rpc.Stream)(nil)

// reader reads the answer to verbEntries.
type reader struct {
	stream source
	follow bool
	buf    []byte         // received; the bytes before at were read
	at     int            // in buf
	dec    *entry.Decoder // of the batch that is read
	large  bool           // so is that batch
	err    error          // of a malformed answer, for good
}

// accepted waits until the node says that it answers the query.
func (r *reader) accepted(ctx context.Context) error {
	for {
		frame, ok, err := r.frame()
		if err != nil {
			return err
		}
		if ok {
			if len(frame) > 0 {
				return errFrame
			}
			return nil
		}
		if err := r.receive(ctx); err == io.EOF {
			return errFrame
		} else if err != nil {
			return err
		}
	}
}

// Next implements query.LogReader.
func (r *reader) Next(ctx context.Context) (entry.Record, error) {
	for {
		if r.dec != nil {
			rec, ok, err := r.dec.Next()
			if err != nil {
				r.err = err
			}
			if ok {
				return rec, nil
			}
			r.release()
		}
		if r.err != nil {
			return entry.Record{}, r.err
		}
		frame, ok, err := r.frame()
		switch {
		case err != nil:
			return entry.Record{}, err
		case ok && len(frame) == 0:
			return entry.Record{}, nil
		case ok:
			if err := r.decode(frame); err != nil {
				return entry.Record{}, err
			}
			continue
		}
		if err := r.receive(ctx); err == errQuiet {
			return entry.Record{}, nil
		} else if err != nil {
			return entry.Record{}, err
		}
	}
}

// decode begins to read a batch.
func (r *reader) decode(frame []byte) error {
	r.dec, r.large = decoders.Get().(*entry.Decoder), len(frame) > keepBuffer
	_, complete, err := r.dec.Decode(frame)
	if err == nil && !complete {
		err = errFrame
	}
	if err != nil {
		r.err = err
		r.release()
	}
	return err
}

// release returns the decoder, unless its buffers are large.
func (r *reader) release() {
	if r.dec != nil && !r.large {
		decoders.Put(r.dec)
	}
	r.dec = nil
}

// frame returns the next frame, and whether it is complete.
func (r *reader) frame() (frame []byte, ok bool, err error) {
	size, n := binary.Uvarint(r.buf[r.at:])
	if n < 0 || size > maxFrame {
		r.err = errFrame
		return nil, false, errFrame
	}
	if n == 0 || uint64(len(r.buf)-r.at-n) < size {
		return nil, false, nil
	}
	frame = r.buf[r.at+n:][:size]
	r.at += n + int(size)
	return frame, true, nil
}

// errQuiet says that nothing came for signOfLife.
var errQuiet = errors.New("nothing came")

// receive receives more bytes.
func (r *reader) receive(ctx context.Context) error {
	if r.at > 0 { // what was read is no longer needed
		r.buf = r.buf[:copy(r.buf, r.buf[r.at:])]
		r.at = 0
	}
	if len(r.buf) == 0 && cap(r.buf) > 0 {
		r.buf = nil // a stream on which nothing comes holds no buffer
	}
	wait, cancel := ctx, context.CancelFunc(func() {})
	if r.follow {
		wait, cancel = context.WithTimeoutCause(ctx, signOfLife, errQuiet)
	}
	p, err := r.stream.Recv(wait)
	cancel()
	switch {
	case err == nil:
		if r.buf == nil {
			r.buf = p // it is the caller's
		} else {
			r.buf = append(r.buf, p...)
		}
		return nil
	case errors.Is(err, errQuiet):
		return errQuiet
	case err == io.EOF && len(r.buf) > 0:
		return fmt.Errorf("%w: it ends within a batch", errFrame)
	}
	return decodeError(err)
}

// Close implements query.LogReader.
func (r *reader) Close() error {
	r.stream.Close()
	return nil
}
