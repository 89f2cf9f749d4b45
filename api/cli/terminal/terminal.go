package terminal

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Terminal is a terminal in raw mode: keys come as they are pressed, Ctrl-C among them.
type Terminal struct {
	fd      int
	restore func()
}

// Is reports whether a file is a terminal.
func Is(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Raw puts a terminal into raw mode. Close ends that. A signal that ends this process ends it
// before, as the terminal would stay unusable otherwise.
func Raw(f *os.File) (*Terminal, error) {
	fd := int(f.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("put the terminal into raw mode: %w", err)
	}
	t := &Terminal{fd: fd}
	t.restore = sync.OnceFunc(func() { _ = term.Restore(fd, before) })
	return t, nil
}

// Close puts the terminal back as it was.
func (t *Terminal) Close() { t.restore() }

// Size returns the size of the terminal of a file, 0 and 0 if it has none.
func Size(f *os.File) (rows, cols uint16) {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return w.Row, w.Col
}

// WatchSize calls fn with the size of a terminal whenever it changes, until ctx ends.
func WatchSize(ctx context.Context, f *os.File, fn func(rows, cols uint16)) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		if rows, cols := Size(f); rows != 0 && cols != 0 {
			fn(rows, cols)
		}
	}
}
