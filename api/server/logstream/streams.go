package logstream

import (
	"cmp"
	"log/slog"
	"time"
)

// Options of Streams.
type Options struct {
	Now   func() time.Time // default time.Now
	Stall time.Duration    // a client that takes nothing for so long is cut off; default 5 minutes
	Slow  time.Duration    // one that took so long for a part is told so, and cut off; default 2 minutes
	Log   *slog.Logger     // default slog.Default()
}

// Streams are the answers of a server that send log records. It is safe for concurrent use.
type Streams struct {
	o Options
	counts
}

// New returns Streams without any.
func New(o Options) *Streams {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Stall = cmp.Or(o.Stall, 5*time.Minute)
	o.Slow = cmp.Or(o.Slow, 2*time.Minute)
	o.Log = cmp.Or(o.Log, slog.Default())
	return &Streams{o: o}
}
