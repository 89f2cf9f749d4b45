package embedded

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// serverLog passes the server's log lines to slog. Notices are logged at debug level,
// since they are of use only to debug the server. A line that repeats the previous one
// is logged at most every ten seconds.
type serverLog struct {
	log *slog.Logger

	mu    sync.Mutex
	last  string    // warning or error that was logged last
	at    time.Time // when
	fatal bool      // Fatalf was called
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats server: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}
func (l *serverLog) Warnf(format string, v ...any) {
	l.limited(l.log.Warn, format, v)
}
func (l *serverLog) Errorf(format string, v ...any) {
	l.limited(l.log.Error, format, v)
}

// Fatalf is called by the server where nats-server would exit. It does not exit.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	l.fatal = true
	l.mu.Unlock()
	l.limited(l.log.Error, format, v)
}

// limited logs a line, unless it repeats the previous one within ten seconds.
func (l *serverLog) limited(out func(string, ...any), format string, v []any) {
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

// failed reports whether Fatalf was called.
func (l *serverLog) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

// lastError returns the last warning or error.
func (l *serverLog) lastError() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return "no reason given"
	}
	return l.last
}
