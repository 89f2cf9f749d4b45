package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Config describes the stream of a cluster's frames. The zero value of a field means
// its default.
type Config struct {
	Cluster  string
	MaxAge   time.Duration // default 24 h
	MaxBytes int64         // default 1 GiB
	Replicas int           // default 1
	Memory   bool          // store it in memory, for a server without a disk
}

// EnsureStream creates the stream, or changes an existing one to this configuration. A
// full stream drops its oldest frames. Frames have no Nats-Msg-Id header, so that the
// server's window for duplicates is as short as possible. If the server lacks space for
// MaxBytes, EnsureStream halves it until the server accepts it, down to leastBytes.
func EnsureStream(ctx context.Context, js jetstream.JetStream, c Config) (jetstream.Stream, error) {
	sc := jetstream.StreamConfig{
		Name:        FramesStream(c.Cluster),
		Description: "daytwo: frames of cluster " + c.Cluster,
		Subjects:    []string{AllFrames(c.Cluster)},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		MaxAge:      orDefault(c.MaxAge, 24*time.Hour),
		MaxBytes:    orDefault(c.MaxBytes, 1<<30),
		Replicas:    orDefault(c.Replicas, 1),
		Storage:     jetstream.FileStorage,
		Duplicates:  100 * time.Millisecond, // the shortest window that a server accepts
		AllowDirect: true,
	}
	if c.Memory {
		sc.Storage = jetstream.MemoryStorage
	}
	s, err := js.CreateOrUpdateStream(ctx, sc)
	for noRoom(err) && sc.MaxBytes/2 >= leastBytes {
		sc.MaxBytes /= 2
		s, err = js.CreateOrUpdateStream(ctx, sc)
	}
	if noRoom(err) {
		return nil, fmt.Errorf("stream %s: %w: free space on the disk of the NATS server", sc.Name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w (is JetStream enabled, and may this credential manage streams?)",
			sc.Name, err)
	}
	return s, nil
}

// leastBytes is the smallest useful size of the stream: it holds some minutes of a few
// nodes.
const leastBytes = 1 << 20

// noRoom reports whether a server refused a stream for lack of disk space or memory
// (error codes 10047, 10028 and 10023 of nats-server, server/errors.json).
func noRoom(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == 10047 || api.ErrorCode == 10028 || api.ErrorCode == 10023)
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
