package containers

import (
	"maps"
	"slices"
	"strings"
)

// schedulers are those whose variables say what a container is.
type schedulers struct{ mesos, nomad bool }

func (s schedulers) any() bool { return s.mesos || s.nomad }

// schedulersOf returns whose variables count for a container. An environment is the
// workload's own, or its image's: it may name any task of any framework. So it
// counts as the runtime's word (named) only where whoever started the container gave
// it the name that this scheduler gives, and as the environment's (heard) only where
// the cgroup is one that this scheduler makes, or where nobody says who started it.
// recs are what runtimes know of the container.
func schedulersOf(p place, recs []*record) (named, heard schedulers) {
	if p.podUID != "" || slices.ContainsFunc(recs, func(r *record) bool { return r.labels[podUIDKey] != "" }) {
		return named, heard // Kubernetes started it
	}
	vars := told(recs)
	for _, r := range recs {
		named.mesos = named.mesos || mesosName(r.name)
		named.nomad = named.nomad || nomadName(r.name, vars["NOMAD_ALLOC_ID"])
	}
	heard = schedulers{mesos: p.runtime == "mesos", nomad: p.id != "" && p.alloc != ""}
	if p.runtime == "" && len(recs) == 0 {
		heard = schedulers{mesos: true, nomad: true}
	}
	return named, heard
}

// mesosName reports whether a container is called what the Docker containerizer of
// a Mesos agent calls it: mesos-<uuid>, or, of older agents, mesos-<agent>.<uuid>,
// with .executor behind it for an executor.
func mesosName(name string) bool {
	id, ok := strings.CutPrefix(name, "mesos-")
	id = strings.TrimSuffix(id, ".executor")
	return ok && isUUID(id[strings.LastIndexByte(id, '.')+1:])
}

// nomadName reports whether a container is called what Nomad's drivers call that of
// an allocation: <task>-<allocation>.
func nomadName(name, alloc string) bool {
	return isUUID(alloc) && strings.HasSuffix(name, "-"+alloc)
}

// tags returns what the variables of these schedulers say.
func (s schedulers) tags(vars map[string]string) (t tags) {
	if s.mesos {
		t = mesosTags(vars)
	}
	if s.nomad && t == (tags{}) {
		t = nomadTags(vars)
	}
	return t
}

// told is what runtimes say of a container's variables, and labels of the same
// meaning; the best one's counts.
func told(recs []*record) map[string]string {
	vars := map[string]string{}
	for _, r := range recs {
		for k, v := range r.env {
			pick(vars, k, v)
		}
		for _, k := range slices.Sorted(maps.Keys(r.labels)) {
			pick(vars, k, r.labels[k])
		}
	}
	return vars
}
