package sessions

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/daytwo/daytwo/api/session/grant"
)

// keysFile is what is known of the file of keys.
type keysFile struct {
	size     int64
	modified time.Time
	err      string // of the last reading
	missing  bool   // the file is not there
}

// readKeys reads the file of keys if it has changed. A file that is missing, or broken, means
// that no relay may open sessions.
func (m *Manager) readKeys() {
	if m.o.KeysFile == "" {
		return
	}
	m.keysMu.Lock()
	defer m.keysMu.Unlock()
	info, err := os.Stat(m.o.KeysFile)
	was := m.keys
	if err == nil {
		if was.err == "" && info.Size() == was.size && info.ModTime().Equal(was.modified) {
			return
		}
		keys, e := grant.LoadPublic(m.o.KeysFile)
		if err = e; err == nil {
			m.keys = keysFile{size: info.Size(), modified: info.ModTime()}
			m.SetKeys(keys...)
			m.o.Log.Info("relays may open sessions on this node", "keys", len(keys), "file", m.o.KeysFile)
			return
		}
	}
	m.keys = keysFile{err: err.Error(), missing: errors.Is(err, fs.ErrNotExist)}
	m.SetKeys()
	if was.err != m.keys.err && !errors.Is(err, fs.ErrNotExist) {
		m.o.Log.Error("no relay may open sessions on this node", "err", err)
	}
}

// off reports whether the node takes no sessions as nobody has asked it to: it has no file of
// keys, and needs none.
func (m *Manager) off() bool {
	m.keysMu.Lock()
	defer m.keysMu.Unlock()
	return !m.o.KeysNeeded && m.keys.missing
}
