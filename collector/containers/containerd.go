package containers

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// containerd is the source for containerd's gRPC API. It lists the containers and tasks
// of every namespace once, then follows the events. The messages are defined in
// github.com/containerd/containerd/api (services and types, v1).
type containerd struct {
	state
	r    *Resolver
	conn *grpcConn
	asks chan string // ids; the namespace is not known
	mine map[string]bool
}

const (
	containersService = "containerd.services.containers.v1.Containers/"
	tasksService      = "containerd.services.tasks.v1.Tasks/"
	imagesService     = "containerd.services.images.v1.Images/"
	eventsService     = "containerd.services.events.v1.Events/"
	namespaceService  = "containerd.services.namespaces.v1.Namespaces/"
)

// maxSpaces limits how many namespaces are read.
const maxSpaces = 1024

func newContainerd(r *Resolver, socket string) *containerd {
	c := &containerd{r: r, conn: newGRPC(r, socket), asks: make(chan string, 1024), mine: map[string]bool{}}
	c.Runtime, c.Socket = "containerd", socket
	return c
}

func (c *containerd) run(ctx context.Context) {
	defer c.conn.http.CloseIdleConnections()
	c.r.reconnect(ctx, &c.state, c.session)
}

func (c *containerd) ask(_ string, p place) {
	switch p.runtime {
	case "", "containerd", "docker", "nomad":
	default:
		return
	}
	if p.id == "" {
		return // the events name these containers
	}
	select {
	case c.asks <- p.id:
	default:
	}
}

// ref names a container in a namespace.
type ref struct{ space, id string }

func (c *containerd) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan ref, 1024)
	lost := make(chan error, 1)
	go func() { lost <- c.events(ctx, events) }()
	f := newFetcher(c.get)
	spaces, err := c.list(ctx, f, false)
	if err != nil {
		return err
	}
	c.connected()
	// containerd does not confirm when the subscription takes effect. A second list
	// finds the containers that started between the first list and that moment.
	again := time.After(500 * time.Millisecond)
	for {
		select {
		case ev := <-events:
			if len(spaces) < maxSpaces {
				spaces[ev.space] = true
			}
			f.add(ctx, ev)
		case id := <-c.asks:
			for s := range spaces {
				f.add(ctx, ref{s, id})
			}
		case k := <-f.again:
			f.retry(ctx, k)
		case got := <-f.results:
			if err := c.take(ctx, f, got); err != nil {
				return err
			}
		case <-again:
			if _, err := c.list(ctx, f, true); err != nil {
				return err
			}
		case err := <-lost:
			if err == nil {
				err = errors.New("the event stream ended")
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *containerd) call(ctx context.Context, method, space string, request []byte, each func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return c.conn.call(ctx, method, space, request, each)
}

// list queues every container of every namespace, or only the new ones if onlyNew is
// set, and drops the containers that no longer exist.
func (c *containerd) list(ctx context.Context, f *fetcher[ref], onlyNew bool) (map[string]bool, error) {
	spaces := map[string]bool{}
	err := c.call(ctx, namespaceService+"List", "", nil, func(msg []byte) error {
		return fields(msg, func(num protowire.Number, v []byte, _ uint64) {
			if num == 1 {
				nested(v, func(num protowire.Number, v []byte, _ uint64) {
					if num == 1 && len(spaces) < maxSpaces {
						spaces[string(v)] = true
					}
				})
			}
		})
	})
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for space := range spaces {
		var ids []string
		// ListStream sends one message for each container, so the limit on a message
		// does not limit the list.
		err := c.call(ctx, containersService+"ListStream", space, nil, func(msg []byte) error {
			return fields(msg, func(num protowire.Number, v []byte, _ uint64) {
				if num == 1 {
					nested(v, func(num protowire.Number, v []byte, _ uint64) {
						if num == 1 && len(ids) < maxQueued {
							ids = append(ids, string(v))
						}
					})
				}
			})
		})
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			listed[key(id, space)] = true
			if !onlyNew || !c.mine[key(id, space)] {
				f.add(ctx, ref{space, id})
			}
		}
	}
	c.r.dropUnlisted(rankContainerd, func(rec *record) bool { return c.mine[rec.key()] }, listed)
	for k := range c.mine {
		if !listed[k] {
			delete(c.mine, k)
		}
	}
	return spaces, nil
}

// events sends the reference of each container on which containerd reports an event.
func (c *containerd) events(ctx context.Context, out chan<- ref) error {
	var request []byte
	for _, topic := range []string{"/tasks/start", "/tasks/delete", "/containers/create", "/containers/update",
		"/containers/delete"} {
		request = appendString(request, 1, `topic=="`+topic+`"`)
	}
	return c.conn.call(ctx, eventsService+"Subscribe", "", request, func(msg []byte) error {
		ev, err := parseEvent(msg)
		if err != nil {
			return err
		}
		if ev.id == "" {
			return nil
		}
		select {
		case out <- ev:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// get asks for one container. It returns nil without an error if the container does not
// exist.
func (c *containerd) get(ctx context.Context, t ref) (*record, error) {
	rec := &record{id: t.id, space: t.space}
	var parseErr error
	err := c.call(ctx, containersService+"Get", t.space, appendString(nil, 1, t.id), func(msg []byte) error {
		parseErr = fields(msg, func(num protowire.Number, v []byte, _ uint64) {
			if num == 1 {
				rec.fromContainer(v)
			}
		})
		return nil
	})
	switch {
	case isCode(err, codeNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case parseErr != nil || rec.id != t.id:
		return nil, errUnusable
	}
	if rec.image != "" {
		rec.imageID = c.digest(ctx, t.space, rec.image)
	}
	// The pid comes last: a hanging shim uses up the rest of the timeout, and then only
	// the pid is missing.
	if rec.pid = c.pid(ctx, t); rec.pid > 0 {
		rec.paths = c.r.proc.containerPaths(rec.pid, rec.id)
		rec.started = c.r.processStart(rec.pid) // containerd does not report the start of a task
	}
	return rec, nil
}

// take stores one fetched record. It returns an error if the connection is lost.
func (c *containerd) take(ctx context.Context, f *fetcher[ref], got fetched[ref]) error {
	if answered := f.done(ctx, got); got.err != nil {
		var status *grpcError
		if answered && !errors.Is(got.err, errUnusable) && !errors.As(got.err, &status) {
			return got.err
		}
		c.r.log.Debug("a container's details cannot be read", "runtime", "containerd", "container_id", got.key.id, "err",
			got.err)
		return nil
	}
	switch k := key(got.key.id, got.key.space); {
	case got.rec != nil:
		c.mine[k] = true
		c.r.put(rankContainerd, got.rec)
	case c.mine[k]:
		delete(c.mine, k)
		c.r.drop(rankContainerd, k)
	}
	c.count()
	return nil
}

func (c *containerd) count() { c.set(func(st *RuntimeStatus) { st.Containers = len(c.mine) }) }
