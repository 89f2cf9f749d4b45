package containers

import (
	"context"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// parseEvent reads an Envelope. In every topic that is followed, field 1 of the event is
// the container's id.
func parseEvent(msg []byte) (ref, error) {
	var ev ref
	err := fields(msg, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 2:
			ev.space = string(v)
		case 4:
			nested(v, func(num protowire.Number, v []byte, _ uint64) {
				if num == 2 {
					nested(v, func(num protowire.Number, v []byte, _ uint64) {
						if num == 1 {
							ev.id = string(v)
						}
					})
				}
			})
		}
	})
	return ev, err
}

// fromContainer reads a Container message.
func (rec *record) fromContainer(b []byte) {
	rec.labels = map[string]string{}
	rec.env = map[string]string{}
	rec.id = ""
	nested(b, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			rec.id = string(v)
		case 2:
			mapEntry(rec.labels, v)
		case 3:
			rec.image = string(v[:min(len(v), maxLabelValue)])
		case 5:
			nested(v, func(num protowire.Number, v []byte, _ uint64) {
				if num == 2 {
					rec.fromSpec(v)
				}
			})
		case 10:
			rec.fromExtension(v)
		}
	})
	rec.sandboxOnly = rec.labels["io.cri-containerd.kind"] == "sandbox"
	switch {
	case rec.space == "moby":
		rec.runtime = "docker" // dockerd's containers; dockerd itself reports their names
	default:
		rec.runtime = "containerd"
		rec.name = rec.labels["nerdctl/name"]
		if rec.name == "" {
			rec.name = rec.labels[containerNameKey]
		}
		if rec.name == "" && rec.sandboxOnly {
			rec.name = rec.labels[podNameKey]
		}
		if rec.name == "" && !isID(rec.id) {
			rec.name = rec.id // a user chose the id as a name
		}
	}
}

// fromSpec reads the environment from an OCI runtime specification.
func (rec *record) fromSpec(b []byte) {
	var spec struct {
		Process struct{ Env []string }
	}
	if json.Unmarshal(b, &spec) == nil {
		rec.env = pickEnv(spec.Process.Env)
		if rec.env == nil {
			rec.env = map[string]string{}
		}
	}
}

// pid returns the first process of a task, or 0 if there is none.
func (c *containerd) pid(ctx context.Context, t ref) int {
	const stopped = 3
	var pid, status uint64
	_ = c.call(ctx, tasksService+"Get", t.space, appendString(nil, 1, t.id), func(msg []byte) error {
		return fields(msg, func(num protowire.Number, v []byte, _ uint64) {
			if num == 1 {
				nested(v, func(num protowire.Number, _ []byte, n uint64) {
					switch num {
					case 3:
						pid = n
					case 4:
						status = n
					}
				})
			}
		})
	})
	if status == stopped || pid > 1<<30 {
		return 0 // another process may have this pid now
	}
	return int(pid)
}

// digest returns the digest of an image, or "" if containerd has no image of that name.
func (c *containerd) digest(ctx context.Context, space, image string) string {
	if strings.HasPrefix(image, "sha256:") {
		return image
	}
	digest := ""
	_ = c.call(ctx, imagesService+"Get", space, appendString(nil, 1, image), func(msg []byte) error {
		return fields(msg, func(num protowire.Number, v []byte, _ uint64) {
			if num == 1 {
				nested(v, func(num protowire.Number, v []byte, _ uint64) {
					if num == 3 {
						nested(v, func(num protowire.Number, v []byte, _ uint64) {
							if num == 2 {
								digest = string(v)
							}
						})
					}
				})
			}
		})
	})
	return digest
}
