package embedded

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// serverLog passes the server's log lines to slog. Its notices help only to debug
// the server, so they are debug lines. A line that repeats the one before is logged
// once in ten seconds.
type serverLog struct {
	log *slog.Logger

	mu    sync.Mutex
	last  string
	at    time.Time
	fatal bool
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats server: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}
func (l *serverLog) Warnf(format string, v ...any) {
	l.complain(l.log.Warn, format, v)
}
func (l *serverLog) Errorf(format string, v ...any) {
	l.complain(l.log.Error, format, v)
}

// Fatalf is called where the server's own program would exit; this one must not.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	l.fatal = true
	l.mu.Unlock()
	l.complain(l.log.Error, format, v)
}

func (l *serverLog) complain(out func(string, ...any), format string, v []any) {
	msg := fmt.Sprintf(format, v...)
	l.mu.Lock()
	now := time.Now()
	again := l.last == msg && now.Sub(l.at) < 10*time.Second
	if !again {
		l.last, l.at = msg, now
	}
	l.mu.Unlock()
	if !again {
		out("nats server: " + msg)
	}
}

func (l *serverLog) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *serverLog) lastError() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return "no reason given"
	}
	return l.last
}
