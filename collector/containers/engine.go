package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the largest response of the Docker API, and maxEvent the largest event, in
// bytes.
const (
	maxBody  = 64 << 20
	maxEvent = 1 << 20
)

// engine is the source for a daemon that speaks Docker's HTTP API: dockerd or podman's
// service. A response header distinguishes them. engine lists the containers once, then
// follows the events.
type engine struct {
	state
	r    *Resolver
	http *http.Client
	asks chan string // ids
	wake chan struct{}
	kind string // docker or podman, as configured
	mine map[string]bool
}

func newEngine(r *Resolver, kind, socket string) *engine {
	e := &engine{r: r, kind: kind, asks: make(chan string, 1024), wake: make(chan struct{}, 1), mine: map[string]bool{}}
	e.Runtime, e.Socket = kind, socket
	e.http = &http.Client{Transport: &http.Transport{
		DialContext:         r.dialer(socket),
		MaxIdleConnsPerHost: 2,
	}}
	return e
}

func (e *engine) run(ctx context.Context) {
	defer e.http.CloseIdleConnections()
	if e.kind == "podman" && !strings.Contains(e.Socket, "://") {
		// Connecting makes systemd start podman's service. So wait until there is a
		// podman container.
		e.set(func(st *RuntimeStatus) { st.Reason = "not asked before a podman container is seen" })
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		}
	}
	e.r.reconnect(ctx, &e.state, e.session)
}

func (e *engine) ask(_ string, p place) {
	if p.runtime == "podman" {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
	if p.id == "" || p.runtime != "" && p.runtime != e.kind && e.kind != "docker" {
		return
	}
	select {
	case e.asks <- p.id:
	default: // the daemon hangs; the lookup is repeated later
	}
}

// session uses one connection until it is lost.
func (e *engine) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runtime, err := e.ping(ctx)
	if err != nil {
		return err
	}
	events := make(chan string, 1024)
	lost := make(chan error, 1)
	go func() { lost <- e.events(ctx, events) }()
	f := newFetcher(func(ctx context.Context, id string) (*record, error) { return e.inspect(ctx, runtime, id) })
	if err := e.list(ctx, f); err != nil {
		return err
	}
	e.connected()
	for {
		select {
		case id := <-events:
			f.add(ctx, id)
		case id := <-e.asks:
			f.add(ctx, id)
		case k := <-f.again:
			f.retry(ctx, k)
		case got := <-f.results:
			if err := e.take(ctx, f, got); err != nil {
				return err
			}
		case err := <-lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ping returns the name of the runtime that answers. Podman sends a header of its own.
func (e *engine) ping(ctx context.Context) (runtime string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	res, err := e.get(ctx, "/_ping")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s to /_ping", e.Socket, res.Status)
	}
	if res.Header.Get("Libpod-Api-Version") != "" {
		return "podman", nil
	}
	return "docker", nil
}

func (e *engine) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	return e.http.Do(req)
}

var errNotFound = errors.New("not found")

// getJSON reads a JSON response of at most maxBody bytes.
func (e *engine) getJSON(ctx context.Context, path string, read func(*json.Decoder) error) error {
	res, err := e.get(ctx, path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body := io.LimitReader(res.Body, maxBody)
	switch {
	case res.StatusCode == http.StatusNotFound:
		return errNotFound
	case res.StatusCode != http.StatusOK:
		msg, _ := io.ReadAll(io.LimitReader(body, 512))
		return fmt.Errorf("%s answers %s to %s: %s", e.Socket, res.Status, path, msg)
	}
	return read(json.NewDecoder(body))
}

// list queues every container and drops the containers that no longer exist.
func (e *engine) list(ctx context.Context, f *fetcher[string]) error {
	ctx2, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	listed := map[string]bool{}
	err := e.getJSON(ctx2, "/containers/json", func(d *json.Decoder) error {
		if _, err := d.Token(); err != nil { // [
			return err
		}
		for d.More() && len(listed) < maxQueued {
			var c struct{ ID string }
			if err := d.Decode(&c); err != nil {
				return err
			}
			listed[c.ID] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.r.dropUnlisted(rankEngine, func(rec *record) bool { return e.mine[rec.id] }, listed)
	for id := range e.mine {
		if !listed[id] {
			delete(e.mine, id)
		}
	}
	e.count()
	for id := range listed {
		f.add(ctx, id)
	}
	return nil
}

// events sends the id of each container on which the daemon reports an event.
func (e *engine) events(ctx context.Context, ids chan<- string) error {
	res, err := e.get(ctx, "/events?filters="+url.QueryEscape(`{"type":["container"]}`))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s to /events", e.Socket, res.Status)
	}
	body := &io.LimitedReader{R: res.Body}
	dec := json.NewDecoder(body)
	for {
		var ev struct {
			Action string
			Actor  struct{ ID string }
		}
		body.N = maxEvent
		if err := dec.Decode(&ev); err != nil {
			return fmt.Errorf("events: %w", err)
		}
		switch ev.Action {
		case "create", "start", "restart", "rename", "update", "die", "died", "destroy", "remove":
			select {
			case ids <- ev.Actor.ID:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}
