// Package containers says whose a cgroup is: the container's id, name, image and
// labels, the task it runs and the unit it belongs to. It asks the runtimes that
// are there (docker, podman, containerd, CRI, the state files of runc and crun)
// and takes the cgroup's path and the environment of its first process for the
// rest. It also reads the network counters of containers. It never waits for a
// runtime, a process or a mount when it is asked, and never starts, stops or
// changes a container.
//
// Origin tags are Mesos' words for what every platform has. They map like this:
//
//	tag               Mesos, Marathon        Kubernetes             Nomad               any other container
//	framework_name    "marathon", "chronos"  "kubernetes"           "nomad"
//	framework_id      MESOS_FRAMEWORK_ID     namespace              NOMAD_NAMESPACE
//	executor_id       MESOS_EXECUTOR_ID      uid of the pod         NOMAD_ALLOC_ID
//	application_name  MARATHON_APP_ID        app.kubernetes.io/name NOMAD_JOB_NAME      com.docker.compose.project
//	task_id           MESOS_TASK_ID          id of the container    <alloc>.<task>      id of the container
//	task_name         from MARATHON_APP_ID   name in the pod        NOMAD_TASK_NAME     name of the container
//
// Each tag is taken from the first of these that says it: the container's runtime
// (its API or its state files); the launch API; the path of the cgroup; the
// environment of the first process; the container's own id and name. systemd's unit
// names give the labels unit and slice, and no tag.
//
// Variables, and labels of the same meaning, are the workload's own or its image's
// words: they could claim any task of any framework. So MESOS_*, MARATHON_*,
// CHRONOS_*, TASK_NAME and FRAMEWORK_NAME count only where the runtime calls the
// container mesos-<uuid>, as a Mesos agent does, or the cgroup is /mesos/<id>;
// NOMAD_* only where it calls it <task>-<allocation>, or the cgroup is Nomad's. They
// never count for a container of a pod. Where neither a runtime nor the path says
// who started a container, its environment is believed.
package containers
