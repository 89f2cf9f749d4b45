package logs

import (
	"cmp"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
)

// origins says of which container entries are.
//
// A container can send any field to journald's socket, so what counts is who sent the
// entry, which journald notes in fields that begin with an underscore:
//
//   - An entry from a container's cgroup (_SYSTEMD_CGROUP) is of that container, whatever
//     its other fields say.
//   - An entry from any other cgroup, of root (_UID=0), is of the container that its own
//     fields name: Docker's and Podman's journald drivers and 'daytwo log-pipe' run there.
//   - conmon of a user's Podman is believed for the container that its scope is named for.
//   - Any other entry is of no container: also one without _SYSTEMD_CGROUP, whose sender
//     was gone before journald could look.
//
// Where systemd does not run, journald knows no cgroups (Options.NoCgroups). There a
// root process that journald has looked at (_COMM) is believed: it may be in a container
// that somebody has given the socket of the machine's journald.
type origins struct {
	agent     string
	ids       *Identities
	noCgroups bool

	gen      uint64               // of ids that the maps were made with
	byCgroup map[string]*Identity // &host for none
	byFields map[string]*Identity
	key      []byte
	host     Identity

	full, piece bool // of the last entry: as sender has them
}

// maxOrigins bounds each map of origins.
const maxOrigins = 4096

func newOrigins(opt *Options) *origins {
	o := &origins{agent: opt.Agent, ids: opt.Identities, noCgroups: opt.NoCgroups,
		byCgroup: map[string]*Identity{}, byFields: map[string]*Identity{}}
	o.host.Origin.SetTag("agent_id", opt.Agent)
	return o
}

// sender is what an entry says about who it is of.
type sender struct {
	cgroup, comm, uid, full, id, name []byte
	tagged                            bool // it has a field of origin tags
	piece                             bool // it is marked as a piece of a line
}

func (s *sender) read(fields []entry.Field) {
	*s = sender{}
	for i := range fields {
		f := &fields[i]
		switch f.Name {
		case "_SYSTEMD_CGROUP":
			s.cgroup = f.Value
		case "_COMM":
			s.comm = f.Value
		case "_UID":
			s.uid = f.Value
		case "CONTAINER_ID_FULL":
			s.full = f.Value
		case "CONTAINER_ID":
			s.id = f.Value
		case "CONTAINER_NAME":
			s.name = f.Value
		case "TASK_ID", "TASK_NAME", "FRAMEWORK_ID", "FRAMEWORK_NAME", "EXECUTOR_ID", "APPLICATION_NAME":
			s.tagged = true
		case "CONTAINER_PARTIAL_MESSAGE", "CONTAINER_PARTIAL_ID":
			s.piece = true
		}
	}
}

// driver reports whether an entry is of a logging driver of Docker or Podman, if its
// sender is believed.
func (s *sender) driver() bool { return len(s.full) > 0 && len(s.name) > 0 }

// of returns the identity of an entry's container, or &o.host if it is of none, and
// whether the entry's own fields said so.
func (o *origins) of(fields []entry.Field) (i *Identity, byFields bool) {
	if gen := o.ids.gen.Load(); gen != o.gen || len(o.byCgroup) > maxOrigins || len(o.byFields) > maxOrigins {
		clear(o.byCgroup)
		clear(o.byFields)
		o.gen = gen
	}
	var s sender
	s.read(fields)
	o.full, o.piece = len(s.full) > 0, s.piece
	if len(s.cgroup) == 0 {
		names := len(s.full) > 0 || len(s.id) > 0 || s.tagged
		if !o.noCgroups || len(s.comm) == 0 || string(s.uid) != "0" || !names {
			return &o.host, false
		}
		return o.named(&s, fields), true
	}
	i, ok := o.byCgroup[string(s.cgroup)]
	if !ok {
		i = &o.host
		if found := o.ids.ofCgroup(string(s.cgroup)); found != nil {
			i = o.ofAgent(found)
		}
		o.byCgroup[string(s.cgroup)] = i
	}
	if i != &o.host || len(s.full) == 0 && len(s.id) == 0 && !s.tagged {
		return i, false
	}
	if string(s.uid) != "0" && !conmonOf(string(s.cgroup), string(s.full)) {
		return i, false
	}
	return o.named(&s, fields), true
}

// isPipe reports whether an entry may be a log pipe's own, by what of returned for it: of
// root, and from no container. The daemons of containers are no log pipes: they write
// fields that containers name.
func (o *origins) isPipe(fields []entry.Field, i *Identity, byFields bool) bool {
	var s sender
	s.read(fields)
	transport, _ := value(fields, "_TRANSPORT")
	seen := len(s.cgroup) > 0 || o.noCgroups && len(s.comm) > 0
	return string(transport) == "journal" && string(s.uid) == "0" && seen && len(s.full) == 0 && (byFields || i == &o.host)
}

// named returns the identity that the fields of an entry name.
func (o *origins) named(s *sender, fields []entry.Field) *Identity {
	o.key = append(append(append(append(append(o.key[:0], s.full...), 0), s.id...), 0), s.name...)
	if s.tagged {
		for i := range fields {
			if _, ok := tagFields[fields[i].Name]; ok {
				o.key = append(append(append(append(o.key, 0), fields[i].Name...), '='), fields[i].Value...)
			}
		}
	}
	if i := o.byFields[string(o.key)]; i != nil {
		return i
	}
	id := string(s.full)
	if id == "" {
		id = string(s.id)
	}
	i := &Identity{Name: string(s.name)}
	i.Origin.SetTag("container_id", id)
	if found, _ := o.ids.ofContainer(id); found != nil {
		*i = *found
		i.Name = cmp.Or(i.Name, string(s.name))
	}
	for j := range fields {
		if tag, ok := tagFields[fields[j].Name]; ok && i.Origin.Tag(tag) == "" {
			i.Origin.SetTag(tag, string(fields[j].Value))
		}
	}
	// Of what is known by its cgroup alone, the id stands for the task, and the driver has its name.
	if task := i.Origin.Tag("task_id"); s.driver() && (task == "" || task == id) && i.Origin.Tag("task_name") == "" {
		i.Origin.SetTag("task_id", id)
		i.Origin.SetTag("task_name", string(s.name))
	}
	i = o.ofAgent(i)
	o.byFields[string(o.key)] = i
	return i
}

// ofAgent returns a copy of an identity that says which node it is of.
func (o *origins) ofAgent(i *Identity) *Identity {
	c := *i
	c.Origin.SetTag("agent_id", o.agent)
	return &c
}

// conmonOf reports whether a cgroup is that of a user's conmon for a container.
func conmonOf(cgroup, container string) bool {
	return container != "" && strings.HasPrefix(cgroup, "/user.slice/") &&
		strings.HasSuffix(cgroup, "/libpod-conmon-"+container+".scope")
}
