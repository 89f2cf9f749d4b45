package containers

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// cri is the source for Kubernetes runtimes without a better API, such as CRI-O. It uses
// the CRI (k8s.io/cri-api, runtime.v1). The CRI's event stream is optional, so cri lists
// at the start, once a minute, and when an unknown container is seen.
type cri struct {
	state
	r    *Resolver
	conn *grpcConn
	wake chan struct{}
	mine map[string]bool
	kind string

	known map[string]criStatus // of the listed containers, by id
}

// criStatus is what a list does not have of a container.
type criStatus struct {
	started int64 // Unix nanoseconds, 0 if it was not started
	logPath string
}

const (
	criService = "runtime.v1.RuntimeService/"
	criPeriod  = time.Minute
)

func newCRI(r *Resolver, socket string) *cri {
	c := &cri{r: r, conn: newGRPC(r, socket), wake: make(chan struct{}, 1), mine: map[string]bool{},
		known: map[string]criStatus{}}
	c.Runtime, c.Socket = "cri", socket
	return c
}

func (c *cri) run(ctx context.Context) {
	defer c.conn.http.CloseIdleConnections()
	c.r.reconnect(ctx, &c.state, c.session)
}

func (c *cri) ask(_ string, p place) {
	if p.id == "" || p.runtime != "" && p.runtime != "cri-o" && p.runtime != "containerd" && p.podUID == "" {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *cri) session(ctx context.Context) error {
	if err := c.version(ctx); err != nil {
		return err
	}
	for {
		if err := c.list(ctx); err != nil {
			return err
		}
		c.connected()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
			sleep(ctx, 50*time.Millisecond) // one list for all containers that start together
		case <-time.After(criPeriod):
		}
	}
}

func (c *cri) call(ctx context.Context, method string, request []byte, each func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return c.conn.call(ctx, criService+method, "", request, each)
}

// version asks for the runtime's name.
func (c *cri) version(ctx context.Context) error {
	err := c.call(ctx, "Version", nil, func(msg []byte) error {
		return fields(msg, func(num protowire.Number, v []byte, _ uint64) {
			if num == 2 {
				c.kind = clean(string(v), maxLabelKey)
			}
		})
	})
	if isCode(err, codeUnimplemented) {
		return errors.New("it has no CRI (runtime.v1); containerd's must not be in disabled_plugins")
	}
	return err
}

func (c *cri) list(ctx context.Context) error {
	listed := map[string]bool{}
	var unknown []*record
	for _, m := range []struct {
		method string
		parse  func([]byte) *record
	}{{"ListPodSandbox", parseSandbox}, {"ListContainers", parseContainer}} {
		err := c.call(ctx, m.method, nil, func(msg []byte) error {
			return fields(msg, func(num protowire.Number, v []byte, _ uint64) {
				if num != 1 {
					return
				}
				rec := m.parse(v)
				if rec.id == "" {
					return
				}
				rec.runtime = c.runtime()
				if st, ok := c.known[rec.id]; ok {
					rec.add(st)
				} else if rec.started == 0 {
					unknown = append(unknown, rec)
				}
				listed[rec.key()], c.mine[rec.key()] = true, true
				c.r.put(rankCRI, rec)
			})
		})
		if err != nil {
			return err
		}
	}
	c.r.dropUnlisted(rankCRI, func(rec *record) bool { return c.mine[rec.key()] }, listed)
	for k := range c.mine {
		if !listed[k] {
			delete(c.mine, k)
		}
	}
	for id := range c.known {
		if !listed[id] {
			delete(c.known, id)
		}
	}
	c.set(func(st *RuntimeStatus) { st.Containers = len(listed) })
	return c.askStatus(ctx, unknown)
}

// add adds what the list does not have.
func (rec *record) add(st criStatus) {
	if rec.started == 0 {
		rec.started = st.started
	}
	rec.logPath = st.logPath
}

// askStatus asks for the status of each container in recs. It takes askTimeout at most;
// the next list continues with those that are missing, or were not started yet.
func (c *cri) askStatus(ctx context.Context, recs []*record) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for _, rec := range recs {
		var st criStatus
		err := c.call(ctx, "ContainerStatus", appendString(nil, 1, rec.id), func(msg []byte) error {
			st = parseStatus(msg)
			return nil
		})
		var status *grpcError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &status): // such as one that is gone by now
		case err != nil:
			return err
		default:
			if st.started > 0 {
				c.known[rec.id] = st
			}
			with := *rec
			with.add(st)
			c.r.put(rankCRI, &with)
		}
	}
	return nil
}

// parseStatus reads a ContainerStatusResponse.
func parseStatus(b []byte) (st criStatus) {
	nested(b, func(num protowire.Number, v []byte, _ uint64) {
		if num != 1 {
			return
		}
		nested(v, func(num protowire.Number, v []byte, n uint64) {
			switch num {
			case 5:
				st.started = max(int64(n), 0)
			case 15:
				st.logPath = cleanLogPath(string(v))
			}
		})
	})
	return st
}

func (c *cri) runtime() string {
	if c.kind == "cri-o" || c.kind == "containerd" || c.kind == "docker" {
		return c.kind
	}
	return ""
}

// parseSandbox reads a PodSandbox, which is the pause container of a pod.
func parseSandbox(b []byte) *record {
	rec := &record{labels: map[string]string{}, sandboxOnly: true}
	nested(b, func(num protowire.Number, v []byte, n uint64) {
		switch num {
		case 1:
			rec.id = string(v)
		case 2:
			nested(v, func(num protowire.Number, v []byte, _ uint64) {
				switch s := string(v); num {
				case 1:
					rec.name, rec.labels[podNameKey] = s, s
				case 2:
					rec.labels[podUIDKey] = s
				case 3:
					rec.labels[podNamespaceKey] = s
				}
			})
		case 4:
			rec.started = max(int64(n), 0) // created: a sandbox starts as it is created
		case 5:
			mapEntry(rec.labels, v)
		}
	})
	return rec
}

const criRunning = 1 // CONTAINER_RUNNING

// parseContainer reads a Container of the CRI. Its labels name the pod; kubelet sets
// them.
func parseContainer(b []byte) *record {
	rec := &record{labels: map[string]string{}}
	nested(b, func(num protowire.Number, v []byte, n uint64) {
		switch num {
		case 1:
			rec.id = string(v)
		case 3:
			nested(v, func(num protowire.Number, v []byte, _ uint64) {
				if num == 1 {
					rec.name = string(v)
				}
			})
		case 4:
			var image, asked string
			nested(v, func(num protowire.Number, v []byte, _ uint64) {
				switch num {
				case 1:
					image = string(v)
				case 18:
					asked = string(v)
				}
			})
			rec.image = image
			first(&asked, image)
			rec.image = asked
		case 5:
			rec.imageID = string(v)
		case 6:
			rec.runs = n == criRunning
		case 8:
			mapEntry(rec.labels, v)
		}
	})
	return rec
}
