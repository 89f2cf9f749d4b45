package prom

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// maxScrapes is how many scrapes are answered at once; others wait. Each holds
// a copy of the ticks it writes.
const maxScrapes = 4

// Scraper answers scrapes of agents' newest ticks.
type Scraper struct {
	fleet      query.Fleet
	exposition *exposition
	slots      chan struct{}
}

// NewScraper returns a scraper. With agentLabel every sample has the label
// agent_id, as those of more than one agent need.
func NewScraper(fleet query.Fleet, agentLabel bool) *Scraper {
	return &Scraper{fleet: fleet, exposition: newExposition(agentLabel), slots: make(chan struct{}, maxScrapes)}
}

// ServeNode answers with one agent's newest tick. The errors are those of
// query.Fleet.View.
func (s *Scraper) ServeNode(w http.ResponseWriter, r *http.Request, agent string) error {
	if err := s.enter(r.Context()); err != nil {
		return err
	}
	defer s.leave()
	b, err := query.Snapshot(s.fleet, agent)
	if err != nil {
		return err
	}
	defer query.Release(b)
	s.write(w, r, (*writer).panics, b)
	return nil
}

// ServeFleet answers with the newest ticks of agents. It leaves out those of stale agents,
// whose last values would look current, and logs and leaves out ticks that cannot be read.
func (s *Scraper) ServeFleet(w http.ResponseWriter, r *http.Request, agents []query.Agent, now time.Time,
	log *slog.Logger) error {
	if err := s.enter(r.Context()); err != nil {
		return err
	}
	defer s.leave()
	var ticks []*frame.Batch
	defer func() {
		for _, b := range ticks {
			query.Release(b)
		}
	}()
	for _, a := range agents {
		if a.Stale {
			continue
		}
		b, err := query.Snapshot(s.fleet, a.ID)
		switch {
		case err == nil:
			ticks = append(ticks, b)
		case !errors.Is(err, query.ErrUnknownAgent) && !errors.Is(err, query.ErrNoTick):
			log.Error("an agent's newest tick cannot be read", "agent_id", a.ID, "err", err)
		}
	}
	s.write(w, r, func(p *writer) { p.agents(agents, now.UnixNano()) }, ticks...)
	return nil
}

// enter waits for a slot, until ctx ends.
func (s *Scraper) enter(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Scraper) leave() { <-s.slots }

// write answers with ticks, and what more writes, in the format that the client
// prefers.
func (s *Scraper) write(w http.ResponseWriter, r *http.Request, more func(*writer), ticks ...*frame.Batch) {
	f := wantedFormat(r)
	out, end := begin(w, r, f)
	defer end()
	_ = s.exposition.write(out, f, more, ticks...) // an error means that the client has closed the connection
	if f == openMetricsFormat {
		_, _ = io.WriteString(out, "# EOF\n")
	}
}

// ServeText answers with what writers write in the text format 0.0.4.
func ServeText(w http.ResponseWriter, r *http.Request, writers ...func(io.Writer)) {
	var b bytes.Buffer
	for _, write := range writers {
		write(&b)
	}
	out, end := begin(w, r, textFormat)
	defer end()
	_, _ = out.Write(b.Bytes())
}
