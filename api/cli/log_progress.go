package cli

import (
	"fmt"
	"io"
	"time"
)

// logProgress shows on a terminal how much of a download is done. A nil one shows
// nothing.
type logProgress struct {
	w        io.Writer
	writes   int
	bytes    int64
	shown    time.Time
	anything bool
}

func startProgress(w io.Writer) *logProgress { return &logProgress{w: w, shown: time.Now()} }

func (p *logProgress) add(n int) {
	if p == nil {
		return
	}
	p.writes++
	p.bytes += int64(n)
	if now := time.Now(); p.writes%256 == 0 && now.Sub(p.shown) > time.Second {
		p.shown, p.anything = now, true
		fmt.Fprintf(p.w, "\r%s so far\x1b[K", formatBytes(float64(p.bytes)))
	}
}

// hide clears the line until more is shown.
func (p *logProgress) hide() {
	if p != nil && p.anything {
		p.anything = false
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
