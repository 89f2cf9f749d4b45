package logs

import (
	"strings"
	"sync"
)

// catalogFields are the fields that the catalog reads: those whose values name something,
// and those of pieces.
var catalogFields = []string{
	"_SYSTEMD_CGROUP", "CONTAINER_ID_FULL", "CONTAINER_ID", "CONTAINER_NAME",
	"TASK_ID", "TASK_NAME", "FRAMEWORK_ID", "FRAMEWORK_NAME", "EXECUTOR_ID", "APPLICATION_NAME",
	"_SYSTEMD_UNIT", "UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT", "_SYSTEMD_USER_UNIT", "USER_UNIT", "_SYSTEMD_SLICE",
	"CONTAINER_PARTIAL_MESSAGE", "CONTAINER_PARTIAL_ID",
}

// isPieceField reports whether the entries that have a field are pieces of lines. Such a
// field names nothing, but that there is one matters.
func isPieceField(name string) bool {
	return name == "CONTAINER_PARTIAL_MESSAGE" || name == "CONTAINER_PARTIAL_ID"
}

// fieldKinds are the kinds of what the fields name. A container by its cgroup is found by
// catalog.cgroups.
var fieldKinds = map[string][]kind{
	"CONTAINER_ID_FULL": {containers, tasks}, "CONTAINER_ID": {containers}, "CONTAINER_NAME": {containers, tasks},
	"TASK_ID": {tasks}, "TASK_NAME": {tasks}, "FRAMEWORK_ID": {frameworks}, "FRAMEWORK_NAME": {frameworks},
	"EXECUTOR_ID": {executors}, "APPLICATION_NAME": {applications},
	"_SYSTEMD_UNIT": {units}, "UNIT": {units}, "OBJECT_SYSTEMD_UNIT": {units}, "COREDUMP_UNIT": {units},
	"_SYSTEMD_USER_UNIT": {units}, "USER_UNIT": {units}, "_SYSTEMD_SLICE": {units},
}

// maxName bounds the length of a name.
const maxName = 4096

// maxCatalog bounds how many values the catalog holds: what is beyond is not found by its
// name, but by ?match=.
const maxCatalog = 1 << 20

// catalog holds the names that entries of the journal have, and whether there are pieces of
// lines. It is what catalogReader has read of the files.
type catalog struct {
	parse func(cgroup string) (id, name string)
	mu    sync.Mutex // held while names are looked at, never while files are read
	epoch int        // rises when everything is forgotten
	gone  bool       // files went whose names it has

	pieces  bool
	values  int
	names   [numKinds]map[string][]string // by name: the fields that have it
	cgroups map[string][]string           // by container id: paths of its cgroups, and of those below
	paths   map[string]bool

	idsByName map[string][]string // ids of containers whose name is in the path of their cgroup
}

func newCatalog(parse func(cgroup string) (id, name string)) *catalog {
	c := &catalog{parse: parse}
	c.forget()
	return c
}

// forget begins another epoch, in which all names are read anew.
func (c *catalog) forget() {
	c.epoch++
	c.values, c.pieces, c.gone = 0, false, false
	c.cgroups, c.paths, c.idsByName = map[string][]string{}, map[string]bool{}, map[string][]string{}
	for k := range c.names {
		c.names[k] = map[string][]string{}
	}
}

func (c *catalog) add(field int, value string) {
	name := catalogFields[field]
	if isPieceField(name) {
		c.pieces = true
		return
	}
	if c.values >= maxCatalog || len(value) == 0 || len(value) > maxName {
		return
	}
	if name == "_SYSTEMD_CGROUP" {
		c.addCgroup(value)
		return
	}
	for _, k := range fieldKinds[name] {
		fields := c.names[k][value]
		if !contains(fields, name) {
			c.names[k][value] = append(fields, name)
			c.values++
		}
	}
}

// addCgroup adds a path to the container that it is of, or lies in.
func (c *catalog) addCgroup(path string) {
	if c.paths[path] {
		return
	}
	c.paths[path] = true
	c.values++
	for p := path; len(p) > 1; p = p[:max(strings.LastIndexByte(p, '/'), 0)] {
		id, name := c.parse(p)
		if id == "" {
			continue
		}
		c.cgroups[id] = append(c.cgroups[id], path)
		if name != "" && !contains(c.idsByName[name], id) {
			c.idsByName[name] = append(c.idsByName[name], id)
		}
		for _, n := range []string{id, name} {
			for _, k := range []kind{containers, tasks} {
				if n != "" && !contains(c.names[k][n], "") {
					c.names[k][n] = append(c.names[k][n], "") // by a cgroup
				}
			}
		}
		return
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// below returns the paths of cgroups that are one of roots, or lie below one.
func (c *catalog) below(roots []string) (found []string) {
	for _, root := range roots {
		for p := range c.paths {
			if strings.HasPrefix(p, root) && len(p) > len(root) && p[len(root)] == '/' {
				found = append(found, p)
			}
		}
	}
	return found
}

// isShort reports whether a text is the short form of an id that the journal has whole:
// Docker and Podman write both.
func (c *catalog) isShort(id string) bool {
	if len(id) != 12 || contains(c.names[containers][id], "") {
		return false
	}
	for name, fields := range c.names[containers] {
		if len(name) == 64 && strings.HasPrefix(name, id) && contains(fields, "CONTAINER_ID_FULL") {
			return true
		}
	}
	return false
}
