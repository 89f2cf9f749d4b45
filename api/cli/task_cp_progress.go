package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/session/archive"
)

// copyProgress shows on a terminal how far a copy is. A nil one shows nothing.
type copyProgress struct {
	w     io.Writer
	mu    sync.Mutex
	begun time.Time
	shown time.Time
	any   bool
}

const (
	progressEvery = 200 * time.Millisecond
	progressAfter = 500 * time.Millisecond // a short copy shows none
	progressBar   = 20                     // characters
)

// show is called often, and shows little.
func (p *copyProgress) show(s archive.State) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.begun.IsZero() {
		p.begun = now
	}
	if now.Sub(p.begun) < progressAfter || now.Sub(p.shown) < progressEvery {
		return
	}
	p.shown, p.any = now, true
	fmt.Fprintf(p.w, "\r%s\x1b[K", progressLine(s, now.Sub(p.begun)))
}

// progressLine returns the line: the file that is copied with its bar, then what was copied in all.
func progressLine(s archive.State, since time.Duration) string {
	rate := float64(s.Bytes) / since.Seconds()
	line := fmt.Sprintf("%s  %s/s  %d files", formatBytes(float64(s.Bytes)), formatBytes(rate), s.Files)
	if s.Size > 0 {
		part := float64(min(s.Done, s.Size)) / float64(s.Size)
		full := int(part * progressBar)
		line = fmt.Sprintf("[%s%s] %3.0f%%  %s", strings.Repeat("#", full), strings.Repeat(" ", progressBar-full),
			100*part, line)
	}
	name := []rune(archive.Quote(s.Name))
	if len(name) > 30 {
		name = append([]rune("…"), name[len(name)-29:]...)
	}
	return line + "  " + string(name)
}

// hide clears the line until more is shown.
func (p *copyProgress) hide() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.any {
		p.any = false
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
