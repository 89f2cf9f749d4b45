package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/setting"
)

// Config describes a stream of a cluster: of its frames, or of its logs. The zero value
// of a field means its default.
type Config struct {
	Cluster  string
	MaxAge   time.Duration // default 24 h for frames, 7 days for logs
	MaxBytes int64         // default 1 GiB for frames, 8 GiB for logs
	Replicas int           // default 1
	Memory   bool          // store it in memory, for a server without a disk
}

// EnsureStream creates the stream of frames, or changes an existing one to this
// configuration. A full stream drops its oldest frames. Frames have no Nats-Msg-Id
// header, so that the server's window for duplicates is as short as possible. If the
// server lacks space for MaxBytes, a stream that exists keeps its size, and a new one gets
// at most half of what is free, so that the streams that are created after it have room
// too.
func EnsureStream(ctx context.Context, js jetstream.JetStream, c Config) (jetstream.Stream, error) {
	sc := c.stream("frames", FramesStream(c.Cluster), AllFrames(c.Cluster))
	sc.MaxAge, sc.MaxBytes = orDefault(c.MaxAge, 24*time.Hour), orDefault(c.MaxBytes, 1<<30)
	return ensure(ctx, js, sc)
}

// EnsureLogsStream is EnsureStream for the stream of shipped logs. It is larger, as it
// holds what sinks that do not respond have not taken yet.
func EnsureLogsStream(ctx context.Context, js jetstream.JetStream, c Config) (jetstream.Stream, error) {
	sc := c.stream("logs", LogsStream(c.Cluster), AllLogs(c.Cluster))
	sc.MaxAge, sc.MaxBytes = orDefault(c.MaxAge, setting.LogsRetention), orDefault(c.MaxBytes, setting.LogsBytes)
	return ensure(ctx, js, sc)
}

// stream returns the configuration that all streams share.
func (c *Config) stream(what, name, subject string) jetstream.StreamConfig {
	sc := jetstream.StreamConfig{
		Name:        name,
		Description: "daytwo: " + what + " of cluster " + c.Cluster,
		Subjects:    []string{subject},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Replicas:    orDefault(c.Replicas, 1),
		Storage:     jetstream.FileStorage,
		Duplicates:  100 * time.Millisecond, // the shortest window that a server accepts
		AllowDirect: true,
	}
	if c.Memory {
		sc.Storage = jetstream.MemoryStorage
	}
	return sc
}

// creating is taken while this process creates a stream: of streams that are created at the
// same time a server may accept more than it has room for, and then it refuses all others.
var creating = make(chan struct{}, 1)

// A request to create a stream that no server answers is lost: the cluster had no leader, or
// changed it.
const (
	answerFor = 3 * time.Second
	maxTries  = 4
)

// create calls fn, which creates a stream, one call at a time, and again if nobody answers.
func create(ctx context.Context, fn func(context.Context) (jetstream.Stream, error)) (jetstream.Stream, error) {
	for try := 1; ; try++ {
		s, err := createOnce(ctx, fn)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || try == maxTries {
			return s, err
		}
	}
}

func createOnce(ctx context.Context, fn func(context.Context) (jetstream.Stream, error)) (jetstream.Stream, error) {
	select {
	case creating <- struct{}{}:
		defer func() { <-creating }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	return fn(ctx)
}

// ensure creates or changes a stream, with less space if the server lacks it.
func ensure(ctx context.Context, js jetstream.JetStream, sc jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := create(ctx, func(ctx context.Context) (jetstream.Stream, error) {
		s, err := js.Stream(ctx, sc.Name)
		if err == nil && isLike(s, &sc) {
			return s, nil // what is not changed disturbs nobody who reads from it
		}
		s, err = js.CreateOrUpdateStream(ctx, sc)
		if noRoom(err) {
			s, err = ensureSmaller(ctx, js, sc)
		}
		return s, err
	})
	if noRoom(err) {
		return nil, fmt.Errorf("stream %s: %w: free space on the disk of the NATS server", sc.Name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w (is JetStream enabled, and may this credential manage streams?)",
			sc.Name, err)
	}
	return s, nil
}

// ensureSmaller is ensure for a server that has less than sc.MaxBytes free. The server does
// not tell how much it has, so that this tries. If it has accepted more than it has (of
// several processes), it refuses all changes, and a stream stays as it is.
func ensureSmaller(ctx context.Context, js jetstream.JetStream, sc jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, sc.Name)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return keepSize(ctx, js, s, sc, err)
	}
	for err = fmt.Errorf("less than %d bytes are free", leastBytes); sc.MaxBytes/2 >= leastBytes; {
		sc.MaxBytes /= 2
		if s, err = js.CreateStream(ctx, sc); err == nil {
			sc.MaxBytes = max(sc.MaxBytes/2, leastBytes) // what is left for others is at least as much
			return changed(ctx, js, s, sc)
		}
		if !noRoom(err) {
			break
		}
	}
	if s, found := js.Stream(ctx, sc.Name); found == nil { // somebody else was faster
		return keepSize(ctx, js, s, sc, nil)
	}
	return nil, err
}

// keepSize changes all but the size of a stream that exists.
func keepSize(ctx context.Context, js jetstream.JetStream, s jetstream.Stream, sc jetstream.StreamConfig, err error) (
	jetstream.Stream, error) {
	if err != nil {
		return nil, err
	}
	sc.MaxBytes = s.CachedInfo().Config.MaxBytes
	return changed(ctx, js, s, sc)
}

// isLike reports whether a stream is configured as it would be.
func isLike(s jetstream.Stream, want *jetstream.StreamConfig) bool {
	have := s.CachedInfo().Config
	like := have
	like.Description, like.Subjects = want.Description, want.Subjects
	like.Retention, like.Discard, like.Storage = want.Retention, want.Discard, want.Storage
	like.MaxAge, like.MaxBytes, like.Replicas = want.MaxAge, want.MaxBytes, want.Replicas
	like.Duplicates, like.AllowDirect = want.Duplicates, want.AllowDirect
	return reflect.DeepEqual(like, have)
}

// changed returns a stream, changed if the server has room for that.
func changed(ctx context.Context, js jetstream.JetStream, s jetstream.Stream, sc jetstream.StreamConfig) (
	jetstream.Stream, error) {
	if isLike(s, &sc) {
		return s, nil
	}
	c, err := js.UpdateStream(ctx, sc)
	if noRoom(err) {
		return s, nil
	}
	return c, err
}

// leastBytes is the smallest useful size of the stream: it holds some minutes of a few
// nodes.
const leastBytes = 1 << 20

// noRoom reports whether a server refused a stream for lack of disk space or memory.
func noRoom(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && isNoRoom(int(api.ErrorCode))
}

// isNoRoom reports whether a code of nats-server (server/errors.json) is of such an error.
func isNoRoom(code int) bool { return code == 10047 || code == 10028 || code == 10023 }

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
