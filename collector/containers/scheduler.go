package containers

import (
	"maps"
	"slices"
	"strings"
)

// schedulers are the schedulers whose variables are used for a container.
type schedulers struct{ mesos, nomad bool }

func (s schedulers) any() bool { return s.mesos || s.nomad }

// schedulersOf returns the schedulers whose variables are used for a container. The
// workload or its image controls the environment, so it may claim to be any task of any
// framework. named are the schedulers whose variables rank with the runtime's answers:
// the container's name is the one that this scheduler gives. heard are those whose
// variables rank as the environment's: the cgroup is one that this scheduler creates, or
// nothing says who started the container. recs are the runtimes' records of the
// container.
func schedulersOf(p place, recs []*record) (named, heard schedulers) {
	if p.podUID != "" || slices.ContainsFunc(recs, func(r *record) bool { return r.labels[podUIDKey] != "" }) {
		return named, heard // Kubernetes started it
	}
	vars := runtimeVars(recs)
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

// mesosName reports whether a container has a name that the Docker containerizer of a
// Mesos agent gives: mesos-<uuid>, or mesos-<agent>.<uuid> from older agents, followed
// by .executor for an executor.
func mesosName(name string) bool {
	id, ok := strings.CutPrefix(name, "mesos-")
	id = strings.TrimSuffix(id, ".executor")
	return ok && isUUID(id[strings.LastIndexByte(id, '.')+1:])
}

// nomadName reports whether a container has the name that Nomad's drivers give for an
// allocation: <task>-<allocation>.
func nomadName(name, alloc string) bool {
	return isUUID(alloc) && strings.HasSuffix(name, "-"+alloc)
}

// tags returns the tags that the variables of these schedulers give.
func (s schedulers) tags(vars map[string]string) (t tags) {
	if s.mesos {
		t = mesosTags(vars)
	}
	if s.nomad && t == (tags{}) {
		t = nomadTags(vars)
	}
	return t
}

// runtimeVars returns the variables that runtimes report for a container, and the labels with
// the same meaning. The record of the best source wins.
func runtimeVars(recs []*record) map[string]string {
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
