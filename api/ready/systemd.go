package ready

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// How often Notify checks the parts, before and after they are ready.
const (
	startingEvery = 100 * time.Millisecond
	readyEvery    = time.Second
)

// Notify reports the state of this process to the service manager (sd_notify(3)): READY=1
// once every part is ready, STATUS= with the parts that are not ready, WATCHDOG=1 twice
// within the watchdog's timeout while no vital part is stuck, and STOPPING=1 when ctx
// ends. It returns then, or at once if no service manager started this process. If log is
// nil, it uses slog.Default().
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
		log.Warn("the service manager's watchdog cannot be used", "err", err)
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
	ready  bool   // READY=1 was sent
	sent   string // the last STATUS= that was sent
	stuck  bool   // a vital part is stuck, which was logged
	failed bool   // the last message could not be sent, which was logged
}

// status sends READY=1 once, and STATUS= when it changes.
func (n *notifier) status() {
	waiting := n.parts.Waiting()
	text := "ready"
	if len(waiting) > 0 {
		text = "not ready: " + strings.ReplaceAll(Text(waiting), "\n", " ") // each line is a variable assignment
	}
	message := "STATUS=" + text
	if len(waiting) == 0 && !n.ready {
		message = daemon.SdNotifyReady + "\n" + message
	}
	if message == n.sent {
		return
	}
	if err := n.send(message); err == nil {
		n.sent = "STATUS=" + text
		n.ready = n.ready || len(waiting) == 0
	}
}

// alive reports whether WATCHDOG=1 may be sent: no vital part is stuck.
func (n *notifier) alive() bool {
	err := n.parts.Stuck()
	if err != nil && !n.stuck {
		n.log.Error("this process no longer works: the service manager's watchdog gets no more messages", "err", err)
	}
	n.stuck = err != nil
	return err == nil
}

func (n *notifier) send(state string) error {
	_, err := daemon.SdNotify(false, state)
	if err != nil && !n.failed {
		n.log.Warn("the state of this process cannot be sent to the service manager", "err", err)
	}
	n.failed = err != nil
	return err
}
