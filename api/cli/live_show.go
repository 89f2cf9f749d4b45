package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// refresh is how often and how many times a command queries the relay.
type refresh struct {
	interval time.Duration
	times    int // 0 for no end
}

func (r *refresh) flags(fs *pflag.FlagSet) {
	r.interval = 2 * time.Second
	fs.Var((*age)(&r.interval), "interval", "refresh every `DURATION`")
	fs.IntVarP(&r.times, "times", "n", 0,
		"end after `N` refreshes (default: never; without a terminal or with -o, after one)")
}

func (r *refresh) check() error {
	switch {
	case r.interval < 100*time.Millisecond:
		return fmt.Errorf("--interval %v: give 100ms or more", r.interval)
	case r.times < 0:
		return fmt.Errorf("-n %d: give 0 or more", r.times)
	}
	return nil
}

// onTerminal reports whether the answers are drawn, and not printed.
func onTerminal(out *output) bool {
	return out.format == "" && term.IsTerminal(int(os.Stdout.Fd())) && term.IsTerminal(int(os.Stdin.Fd()))
}

// showLive draws on the terminal until a key, a signal or the number of answers ends it.
func showLive[O, S any](ctx context.Context, m liveModel[O, S], ask asker[O, S]) error {
	screen, err := tcell.NewScreen()
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		return fmt.Errorf("this terminal (TERM=%s) cannot be drawn on: %w; use -o table", os.Getenv("TERM"), err)
	}
	defer screen.Fini()
	return live(ctx, screen, m, ask)
}

// printLive prints answers as tables or as data: one, or as many as the model says.
func printLive[O, S any](ctx context.Context, w io.Writer, m liveModel[O, S], ask asker[O, S], out *output) error {
	for n := 1; ; n++ {
		s, err := ask(ctx, m.query())
		if err != nil {
			return err
		}
		if out.data() {
			err = out.print(w, s)
		} else {
			m.answered(s, nil)
			err = m.table().print(w)
		}
		interval, times, _ := m.pace()
		if err != nil || n >= times {
			return err
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil
		}
		if !out.data() {
			fmt.Fprintln(w)
		}
	}
}
