package containers

import (
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
)

// Of any two sources of a tag, the better one wins. The other is used if the better one
// has no value.
func TestMerge(t *testing.T) {
	for better := range numTagSources {
		for worse := better + 1; worse < numTagSources; worse++ {
			for tag := range numTags {
				var bySource [numTagSources]tags
				bySource[worse][tag] = "worse"
				if got, by := merge(&bySource); got[tag] != "worse" || by[tag] != worse {
					t.Errorf("%s by %d alone: %q by %d", tagNames[tag], worse, got[tag], by[tag])
				}
				bySource[better][tag] = "better"
				if got, by := merge(&bySource); got[tag] != "better" || by[tag] != better {
					t.Errorf("%s by %d and %d: %q by %d", tagNames[tag], better, worse, got[tag], by[tag])
				}
			}
		}
	}
}

const (
	allocA = "6a1f4f4c-1b5d-4a3e-9d2c-0f5c5a0f1c11"
	allocB = "9d0b3c52-7a52-4a0f-8a3f-2f3bd5f1c0aa"
)

// tagCase is a source of tags and the task id that it gives.
type tagCase struct {
	tagSource tagSource
	task      string
	give      func(*inputs)
}

// inputs is all that the sources report of one container.
type inputs struct {
	place    place
	recs     []*record
	own      *record
	launched []frame.Label
}

func (s *inputs) identity() *Identity {
	id := compose(s.place, s.recs, s.own, "", nil)
	if s.launched != nil {
		id = id.Launched("launched", "", s.launched)
	}
	return id
}

// TestOrder has each pair of sources give different names for a container's task.
func TestOrder(t *testing.T) {
	sayings := []tagCase{
		{byRuntime, allocB + ".web", func(s *inputs) {
			s.recs = []*record{{id: id64, runtime: "docker", name: "web-" + allocB,
				labels: map[string]string{"com.hashicorp.nomad.alloc_id": allocB, "com.hashicorp.nomad.task_name": "web"}}}
		}},
		{byLauncher, "launched-task", func(s *inputs) {
			s.launched = []frame.Label{{Name: "executor_id", Value: "e"}, {Name: "task_id", Value: "launched-task"}}
		}},
		{byPath, allocA + ".redis", func(s *inputs) { s.place = parsePath("/nomad/" + allocA + ".redis") }},
		{byEnvironment, "env-alloc.env", func(s *inputs) {
			s.own = &record{id: id64, pid: 1, env: map[string]string{"NOMAD_ALLOC_ID": "env-alloc", "NOMAD_TASK_NAME": "env"}}
		}},
	}
	for i, better := range sayings {
		for _, worse := range sayings[i:] {
			t.Run(fmt.Sprint(better.tagSource, worse.tagSource), func(t *testing.T) {
				s := inputs{place: place{id: id64}}
				worse.give(&s)
				if got := s.identity().Label("task_id"); got != worse.task {
					t.Errorf("alone: %q, want %q", got, worse.task)
				}
				better.give(&s)
				if got := s.identity().Label("task_id"); got != better.task {
					t.Errorf("both: %q, want %q", got, better.task)
				}
				checkRow(t, s.identity())
			})
		}
	}
	if got := (&inputs{place: place{id: id64}}).identity().Label("task_id"); got != id64 {
		t.Errorf("nobody says a task: %q", got)
	}
}

// TestWhoseEnvironment gives containers an environment that claims to be a task of
// another framework. The environment is reported by a runtime or read from the process.
func TestWhoseEnvironment(t *testing.T) {
	mesos := map[string]string{"MESOS_TASK_ID": "spoof", "MARATHON_APP_ID": "/spoof", "MESOS_FRAMEWORK_ID": "spoof",
		"MESOS_EXECUTOR_ID": "spoof"}
	nomad := map[string]string{"NOMAD_ALLOC_ID": allocB, "NOMAD_TASK_NAME": "spoof", "NOMAD_JOB_NAME": "spoof",
		"NOMAD_NAMESPACE": "spoof"}
	pod := map[string]string{podUIDKey: "u", podNameKey: "p", podNamespaceKey: "shop", containerNameKey: "web"}
	check := func(what, path string, rec *record, mesosCounts, nomadCounts bool) {
		t.Helper()
		for env, counts := range map[string]bool{"MESOS_TASK_ID": mesosCounts, "NOMAD_ALLOC_ID": nomadCounts} {
			vars := mesos
			if env == "NOMAD_ALLOC_ID" {
				vars = nomad
			}
			for _, source := range []string{"runtime", "process", "label"} {
				s := inputs{place: parsePath(path)}
				if rec != nil {
					r := *rec
					if s.recs = []*record{&r}; source == "runtime" {
						r.env = vars
					} else if source == "label" {
						r.labels = map[string]string{}
						for k, v := range rec.labels {
							r.labels[k] = v
						}
						for k, v := range vars {
							r.labels[k] = v
						}
					}
				}
				if source == "process" {
					s.own = &record{id: s.place.id, pid: 1, env: vars}
				} else if rec == nil {
					continue
				}
				id := s.identity()
				spoofed := false
				for _, name := range tagNames {
					v := id.Label(name)
					spoofed = spoofed || v == "spoof" || v == "/spoof" || v == allocB || v == allocB+".spoof"
				}
				want := counts && (rec == nil || source != "process" || s.place.runtime == "mesos" || s.place.alloc != "")
				if spoofed != want {
					t.Errorf("%s: %s by its %s counts: %v, want %v: %v", what, env, source, spoofed, want, id.Labels)
				}
			}
		}
	}
	kube := "/kubepods/burstable/pod" + uuid + "/" + id64
	check("a pod's container", kube, &record{id: id64, runtime: "containerd", labels: pod}, false, false)
	check("a pod's container that only its path tells", kube, nil, false, false)
	check("a pod's container that calls itself as Mesos does", kube,
		&record{id: id64, name: "mesos-" + uuid, labels: pod}, false, false)
	check("a docker container", "/docker/"+id64, &record{id: id64, runtime: "docker", name: "web"}, false, false)
	check("a docker container while dockerd is away", "/docker/"+id64, nil, false, false)
	check("a podman container", "/machine.slice/libpod-"+id64+".scope", &record{id: id64, runtime: "podman", name: "web"},
		false, false)
	check("a container of runc alone", "/c1", &record{id: "c1", runtime: "runc", name: "c1"}, false, false)
	check("an lxc container", "/lxc/web", nil, false, false)
	check("a docker container of Mesos", "/docker/"+id64, &record{id: id64, runtime: "docker", name: "mesos-" + uuid},
		true, false)
	check("a docker container of an old Mesos", "/docker/"+id64,
		&record{id: id64, runtime: "docker", name: "mesos-20150101-S0." + uuid}, true, false)
	check("a docker executor of Mesos", "/docker/"+id64,
		&record{id: id64, runtime: "docker", name: "mesos-" + uuid + ".executor"}, true, false)
	check("a docker container with a like name", "/docker/"+id64,
		&record{id: id64, runtime: "docker", name: "mesos-master"}, false, false)
	check("a docker container of Nomad", "/docker/"+id64, &record{id: id64, runtime: "docker", name: "spoof-" + allocB},
		false, true)
	check("a docker container of Nomad's that claims another allocation", "/docker/"+id64,
		&record{id: id64, runtime: "docker", name: "web-" + allocA}, false, false)
	check("a container of Mesos", "/mesos/"+uuid, nil, true, false)
	check("a container of Nomad", "/nomad/"+allocA+".redis", nil, false, true)
	check("a container that nobody claims", "/my/parent/"+id64, nil, true, true)

	// Nomad's cgroup names the allocation; the environment adds other tags.
	s := inputs{place: parsePath("/nomad/" + allocA + ".redis"), own: &record{id: allocA + ".redis", pid: 1, env: nomad}}
	wantLabels(t, s.identity(), map[string]string{"executor_id": allocA, "task_id": allocA + ".redis",
		"task_name": "redis", "application_name": "spoof"})
}

// Kubernetes' tags come from the runtime, or else from the path.
func TestPodTags(t *testing.T) {
	labels := map[string]string{podUIDKey: uuid, podNameKey: "p", podNamespaceKey: "shop", containerNameKey: "web",
		"app": "front"}
	path := "/kubepods/burstable/pod" + uuid + "/" + id64
	wantLabels(t, compose(parsePath(path), nil, nil, "", nil),
		map[string]string{"framework_name": "kubernetes", "executor_id": uuid,
			"framework_id": "", "task_id": id64, "task_name": ""})
	wantLabels(t, compose(parsePath(path), []*record{{id: id64, labels: labels}}, nil, "", nil),
		map[string]string{"framework_name": "kubernetes",
			"executor_id": uuid, "framework_id": "shop", "task_id": id64, "task_name": "web", "application_name": "front"})
	sandbox := &record{id: id64b, sandboxOnly: true, labels: map[string]string{podUIDKey: uuid,
		"app.kubernetes.io/name": "shop"}}
	wantLabels(t, compose(parsePath(path), []*record{{id: id64, labels: labels}}, nil, "", sandbox),
		map[string]string{"application_name": "shop"})
}

// A launcher adds to the labels of a runtime, but does not change them.
func TestLaunched(t *testing.T) {
	id := compose(place{id: id64}, []*record{{id: id64, runtime: "docker", name: "web",
		labels: map[string]string{"com.docker.compose.project": "shop"}}}, nil, "", nil)
	got := id.Launched("other", "called", []frame.Label{{Name: "application_name", Value: "x"},
		{Name: "framework_name", Value: "aurora"},
		{Name: "container_id", Value: "other"}, {Name: "label.team", Value: "blue"}, {Name: "task_id", Value: "t"}})
	wantLabels(t, got, map[string]string{"container_id": id64, "name": "web", "runtime": "docker",
		"application_name": "shop",
		"framework_name":   "aurora", "label.team": "blue", "task_id": "t", "task_name": "web"})
	checkRow(t, got)

	got = compose(parsePath("/system.slice/foo.service/t1"), nil, nil, "", nil).Launched("t1", "web",
		[]frame.Label{{Name: "task_name", Value: "web"}})
	wantLabels(t, got, map[string]string{"container_id": "t1", "name": "web", "runtime": "daytwo", "unit": "foo.service",
		"task_name": "web"})
	if got.ContainerID != "t1" || got.Name != "web" || got.Runtime != "daytwo" {
		t.Errorf("%+v", got)
	}
}
