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
	fd     int
	before *term.State

	mu     sync.Mutex
	closed bool
}

// Is reports whether a file is a terminal.
func Is(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Raw puts a terminal into raw mode until Close.
func Raw(f *os.File) (*Terminal, error) {
	fd := int(f.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("put the terminal into raw mode: %w", err)
	}
	return &Terminal{fd: fd, before: before}, nil
}

// Close puts the terminal back as it was. Input that nobody has read is thrown away: it may be what
// the terminal answers to output of the session, and must not become a command of the shell.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	_ = unix.IoctlSetInt(t.fd, unix.TCFLSH, unix.TCIFLUSH)
	_ = term.Restore(t.fd, t.before)
}

// Again puts the terminal into raw mode again, after this process was stopped: the shell has put
// it back meanwhile.
func (t *Terminal) Again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		_, _ = term.MakeRaw(t.fd)
	}
}

// Go runs fn in a goroutine. A panic of it ends this process with the terminal as it was.
func (t *Terminal) Go(fn func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				t.Close()
				panic(p)
			}
		}()
		fn()
	}()
}

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
