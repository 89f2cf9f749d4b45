package grant

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/api/session"
)

// nonceFile stores used nonces, each in a line with its deadline (Unix nanoseconds). A nil one
// stores nothing.
type nonceFile struct {
	path string
	f    *os.File
}

// openNonces reads a file's nonces into used, but those of grants that are too late now.
func openNonces(path string, now time.Time, used map[string]time.Time) (*nonceFile, error) {
	b, err := regularfile.Read(path, maxNonces*100)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("used grants of sessions: %w", err)
	}
	for line := range bytes.Lines(b) {
		at, nonce, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		ns, err := strconv.ParseInt(string(at), 10, 64)
		if err != nil || !session.ValidID(string(nonce)) {
			continue // a line that a crash cut off
		}
		if deadline := time.Unix(0, ns); now.Before(deadline) {
			used[string(nonce)] = deadline
		}
	}
	n := &nonceFile{path: path}
	return n, n.rewrite(used)
}

func (n *nonceFile) add(nonce string, deadline time.Time) error {
	if n == nil {
		return nil
	}
	_, err := n.f.WriteString(strconv.FormatInt(deadline.UnixNano(), 10) + " " + nonce + "\n")
	return err
}

func (n *nonceFile) rewrite(used map[string]time.Time) error {
	if n == nil {
		return nil
	}
	var b []byte
	for nonce, deadline := range used {
		b = append(strconv.AppendInt(b, deadline.UnixNano(), 10), " "+nonce+"\n"...)
	}
	if err := atomicfile.Write(n.path, b, 0o600); err != nil {
		return fmt.Errorf("used grants of sessions: %w", err)
	}
	f, err := os.OpenFile(n.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("used grants of sessions: %w", err)
	}
	_ = n.close() // the file that was replaced
	n.f = f
	return nil
}

func (n *nonceFile) close() error {
	if n == nil || n.f == nil {
		return nil
	}
	return n.f.Close()
}
