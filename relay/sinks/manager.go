package sinks

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/nats-io/nats.go"
)

// Receive receives the messages of the stream of logs through a durable consumer, which is
// created to begin at a time if it is missing, and calls handle with one after another,
// until ctx ends. After an error of handle other than ErrMalformed, the message is
// delivered again.
type Receive func(ctx context.Context, durable string, from time.Time, handle func(context.Context, Message) error)

// Options of New. All but DataDir, Replicas and Log are required.
type Options struct {
	Path     string // of the configuration file
	Conn     *nats.Conn
	Cluster  string
	Replicas int    // of the bucket with the sinks' state; default 1
	Relay    string // id of this relay
	DataDir  string // dead letters are kept below it; "" keeps none
	Receive  Receive
	Log      *slog.Logger // default slog.Default()
}

// reloadEvery is how often the configuration file is looked at.
const reloadEvery = 2 * time.Second

// Manager runs the sinks of a configuration file.
type Manager struct {
	o     Options
	store store

	mu      sync.Mutex
	runners []*running
	refused string // why the newest content of the file is not used; "" if it is
	content []byte // of the file when it was last read
	ctx     context.Context
	work    sync.WaitGroup
}

// running is a runner and what ends it.
type running struct {
	*runner
	end  func()
	done chan struct{}
}

// New reads the configuration file. It returns an error if the file is invalid.
func New(o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	m := &Manager{o: o, store: store{o.Conn, o.Cluster, o.Replicas}}
	content, err := regularfile.Read(o.Path, maxConfig)
	if err != nil {
		return nil, err
	}
	f, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	m.content = content
	for _, c := range f.Sinks {
		m.runners = append(m.runners, &running{runner: newRunner(m, c)})
	}
	return m, nil
}

// Run runs the sinks until ctx ends, and follows changes of the file. It returns nil then.
func (m *Manager) Run(ctx context.Context) error {
	m.mu.Lock()
	m.ctx = ctx
	for _, r := range m.runners {
		m.launch(r)
	}
	m.mu.Unlock()
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			m.work.Wait()
			return nil
		case <-tick.C:
			m.reload()
			for _, r := range m.runners { // only this goroutine changes them
				r.followAuthorities()
			}
		}
	}
}

// launch starts a runner.
func (m *Manager) launch(r *running) {
	ctx, end := context.WithCancel(m.ctx)
	r.end, r.done = end, make(chan struct{})
	m.work.Go(func() {
		defer close(r.done)
		defer end()
		r.run(ctx)
	})
}

// reload reads the file again if its content changed. A content that is invalid is refused,
// and the sinks stay as they are. Sinks whose configuration did not change are not disturbed.
func (m *Manager) reload() {
	content, err := regularfile.Read(m.o.Path, maxConfig)
	m.mu.Lock()
	same := err == nil && bytes.Equal(content, m.content)
	m.mu.Unlock()
	if same {
		return
	}
	var f *File
	if err == nil {
		f, err = Parse(content)
	}
	if err != nil {
		if m.setRefused(err.Error()) {
			m.o.Log.Error("the configuration of sinks is refused: the previous one stays", "path", m.o.Path, "err", err)
		}
		return
	}
	old := make(map[string]*running)
	for _, r := range m.runners { // only this goroutine changes them
		old[r.cfg.Name] = r
	}
	var runners []*running
	changed := 0
	for _, c := range f.Sinks {
		if r := old[c.Name]; r != nil && reflect.DeepEqual(r.cfg, c) {
			delete(old, c.Name)
			runners = append(runners, r)
			continue
		}
		runners = append(runners, &running{runner: newRunner(m, c)})
		changed++
	}
	for _, r := range old {
		r.end()
	}
	for _, r := range old {
		<-r.done
	}
	for _, r := range runners {
		if r.end == nil {
			m.launch(r)
		}
	}
	m.mu.Lock()
	m.content, m.refused, m.runners = content, "", runners
	m.mu.Unlock()
	m.o.Log.Info("the configuration of sinks was read again", "path", m.o.Path, "sinks", len(runners),
		"changed", changed, "removed_or_changed", len(old))
}

// setRefused keeps why the file is refused, and reports whether that is news. A file that
// is mended to what it was before is read again.
func (m *Manager) setRefused(why string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := m.refused != why
	m.refused, m.content = why, nil
	return news
}

// deadDir returns the directory of dead letters, "" without a data directory.
func (m *Manager) deadDir() string {
	if m.o.DataDir == "" {
		return ""
	}
	return filepath.Join(m.o.DataDir, "sinks")
}
