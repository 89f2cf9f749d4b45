package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A line that repeats the one before is logged once in ten seconds, and again after
// another line.
func TestLogLimitsRepeatedLines(t *testing.T) {
	var b bytes.Buffer
	l := &serverLog{log: slog.New(slog.NewTextHandler(&b, nil))}
	logged := func(want int) {
		t.Helper()
		if n := strings.Count(b.String(), "\n"); n != want {
			t.Errorf("%d lines, want %d:\n%s", n, want, &b)
		}
	}
	for range 5 {
		l.Errorf("disk is full: %d", 7)
	}
	logged(1)
	l.Warnf("something else")
	logged(2)
	l.Errorf("disk is full: %d", 7)
	logged(3)
	l.at = time.Now().Add(-11 * time.Second)
	l.Errorf("disk is full: %d", 7)
	logged(4)
	if !strings.Contains(b.String(), `level=ERROR msg="nats server: disk is full: 7"`) ||
		!strings.Contains(b.String(), `level=WARN msg="nats server: something else"`) {
		t.Errorf("the log:\n%s", &b)
	}
	if l.lastError() != "disk is full: 7" || l.failed() {
		t.Errorf("last error %q, failed %v", l.lastError(), l.failed())
	}
	l.Fatalf("cannot start")
	if !l.failed() {
		t.Error("Fatalf does not count as a failure")
	}
}
