package ready

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// How often Notify looks at the parts, before and after they are ready.
const (
	startingEvery = 100 * time.Millisecond
	readyEvery    = time.Second
)

// Notify tells the service manager, if one started this process, how it does
// (sd_notify(3)): READY=1 once every part is ready, STATUS= with what is waited
// for, WATCHDOG=1 twice in the time that it allows while no vital part is stuck, and
// STOPPING=1 when ctx ends. It returns then, or at once if there is none. log may be nil for slog.Default().
func Notify(ctx context.Context, p *Parts, log *slog.Logger) {
	if log == nil {
		log = slog.Default()
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	n := notifier{parts: p, log: log}
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the service manager's watchdog is not told of this process", "err", err)
	}
	pinged := time.Time{}
	for {
		n.status()
		every := startingEvery
		if n.ready {
			every = readyEvery
		}
		if limit > 0 {
			every = min(every, limit/4)
			if time.Since(pinged) >= limit/2 && n.alive() {
				n.send(daemon.SdNotifyWatchdog)
				pinged = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			n.send(daemon.SdNotifyStopping + "\nSTATUS=stopping")
			return
		case <-time.After(every):
		}
	}
}

type notifier struct {
	parts  *Parts
	log    *slog.Logger
	ready  bool   // it was told so
	said   string // the last STATUS
	stuck  bool
	failed bool // the last message did not arrive
}

// status sends READY=1 once, and STATUS= when it changes.
func (n *notifier) status() {
	waiting := n.parts.Waiting()
	text := "ready"
	if len(waiting) > 0 {
		text = "not ready: " + strings.ReplaceAll(Text(waiting), "\n", " ") // a line is an assignment
	}
	message := "STATUS=" + text
	if len(waiting) == 0 && !n.ready {
		message = daemon.SdNotifyReady + "\n" + message
	}
	if message == n.said {
		return
	}
	if err := n.send(message); err == nil {
		n.said = "STATUS=" + text
		n.ready = n.ready || len(waiting) == 0
	}
}

// alive reports whether the watchdog may be told so.
func (n *notifier) alive() bool {
	err := n.parts.Stuck()
	if err != nil && !n.stuck {
		n.log.Error("the service manager's watchdog is no longer told that this process works", "err", err)
	}
	n.stuck = err != nil
	return err == nil
}

func (n *notifier) send(state string) error {
	_, err := daemon.SdNotify(false, state)
	if err != nil && !n.failed {
		n.log.Warn("the service manager is not told how this process does", "err", err)
	}
	n.failed = err != nil
	return err
}
