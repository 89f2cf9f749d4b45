package sessions

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/collector/sessions/keeper"
)

// record is what is stored of a session, for the next collector. It has no environment, which
// may hold secrets, and nothing that passes.
type record struct {
	Session   string            `json:"session"`
	Keeper    int               `json:"keeper,omitempty"`       // its pid
	Started   uint64            `json:"keeper_start,omitempty"` // when that process started, clock ticks after the boot
	Begun     time.Time         `json:"begun"`
	Container session.Container `json:"container,omitzero"`
	Name      string            `json:"name,omitempty"`
	Principal string            `json:"principal"`
	Groups    []string          `json:"groups,omitempty"`
	Method    string            `json:"method,omitempty"`
	From      string            `json:"from,omitempty"`
	Relay     string            `json:"relay"`
	Rule      string            `json:"rule,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	Command   session.Command   `json:"command"`
	Recorded  bool              `json:"recorded,omitempty"`
	Input     bool              `json:"input,omitempty"` // what is typed is recorded, too
	// What the node's own policy decides by.
	Rights []session.Right `json:"rights,omitempty"`
	Labels []frame.Label   `json:"labels,omitempty"`
}

func newRecord(g *grant.Grant, c Container) record {
	command := *g.Command
	command.Env = nil
	return record{Session: g.Session, Begun: time.Now().UTC(), Container: g.Container, Name: c.Name,
		Principal: g.Principal, Groups: g.Groups, Method: g.Method, From: g.From, Relay: g.Relay, Rule: g.Rule,
		Tags: g.Tags, Command: command, Rights: g.Rights,
		Recorded: g.Recorded, Input: g.Recorded && g.Input}
}

const recordSuffix, socketSuffix, errorSuffix = ".json", ".sock", ".err"

func (m *Manager) path(id, suffix string) string { return filepath.Join(m.o.Dir, id+suffix) }

// store writes a record.
func (m *Manager) store(r *record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.Write(m.path(r.Session, recordSuffix), b, 0o600)
}

// stored reads all records.
func (m *Manager) stored() (all []record) {
	entries, err := os.ReadDir(m.o.Dir)
	if err != nil {
		m.o.Log.Error("sessions of before cannot be taken up", "err", err)
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), recordSuffix)
		if !ok || !session.ValidID(id) {
			continue
		}
		var r record
		b, err := regularfile.Read(m.path(id, recordSuffix), 1<<20)
		if err == nil {
			err = json.Unmarshal(b, &r)
		}
		if err != nil || r.Session != id {
			m.o.Log.Error("the record of a session cannot be read", "session", id, "err", err)
			r = record{Session: id, Principal: "unknown"}
		}
		all = append(all, r)
	}
	return all
}

// forget removes the files of a session.
func (m *Manager) forget(id string) {
	if b, err := regularfile.Read(m.path(id, errorSuffix), 64<<10); err == nil && len(b) > 0 {
		m.o.Log.Error("the keeper of a session complained", "session", id, "text", string(b))
	}
	for _, name := range []string{id + socketSuffix, id + recordSuffix, id + errorSuffix, keeper.ExitFile(id)} {
		_ = os.Remove(filepath.Join(m.o.Dir, name)) // most are not there
	}
}

// readExit reads how a session ended while no collector was there.
func (m *Manager) readExit(id string) (e session.Exit, s wire.State, err error) {
	b, err := regularfile.Read(filepath.Join(m.o.Dir, keeper.ExitFile(id)), wire.MaxMessage)
	if err != nil {
		return e, s, err
	}
	var d wire.Decoder
	d.Feed(b)
	for {
		msg, ok, err := d.Next()
		if err != nil {
			return e, s, err
		}
		if !ok {
			return e, s, nil
		}
		switch msg.Type {
		case wire.Exit:
			e, err = wire.ParseExit(msg.Data)
		case wire.Status:
			s, err = wire.ParseStatus(msg.Data)
		}
		if err != nil {
			return e, s, err
		}
	}
}

// startTime returns when a process started, in clock ticks after the boot (proc_pid_stat(5)).
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 {
		return 0, unix.EINVAL
	}
	var ticks uint64
	_, err = fmt.Sscan(f[19], &ticks)
	return ticks, err
}
