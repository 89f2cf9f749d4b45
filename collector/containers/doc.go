// Package containers identifies the container or systemd unit of a cgroup: the
// container's id, name, image and labels, the task that it runs, the file of its log, and
// the unit that it belongs to. It asks the runtimes on the machine (docker, podman, containerd, CRI, the
// state files of runc and crun). What they do not report, it derives from the cgroup's
// path and the environment of its first process. It also reads the network counters of
// containers. Its answers never wait for a runtime, a process or a mount, and it never
// starts, stops or changes a container.
//
// The origin tags have Mesos' names on every platform. They are filled as follows:
//
//	tag               Mesos, Marathon        Kubernetes             Nomad               any other container
//	framework_name    "marathon", "chronos"  "kubernetes"           "nomad"
//	framework_id      MESOS_FRAMEWORK_ID     namespace              NOMAD_NAMESPACE
//	executor_id       MESOS_EXECUTOR_ID      uid of the pod         NOMAD_ALLOC_ID
//	application_name  MARATHON_APP_ID        app.kubernetes.io/name NOMAD_JOB_NAME      com.docker.compose.project
//	task_id           MESOS_TASK_ID          id of the container    <alloc>.<task>      id of the container
//	task_name         from MARATHON_APP_ID   name in the pod        NOMAD_TASK_NAME     name of the container
//
// The value of each tag comes from the first of these sources that has one: the
// container's runtime (its API or its state files); the launch API; the path of the
// cgroup; the environment of the first process; the container's own id and name. The
// names of systemd units become the labels unit and slice, and no tag.
//
// The workload or its image controls the environment, and labels of the same meaning, so
// these could claim to be any task of any framework. Therefore MESOS_*, MARATHON_*,
// CHRONOS_*, TASK_NAME and FRAMEWORK_NAME are used only if the runtime calls the
// container mesos-<uuid>, as a Mesos agent does, or the cgroup is /mesos/<id>. NOMAD_* is
// used only if the runtime calls it <task>-<allocation>, or the cgroup is Nomad's.
// Neither is used for a container of a pod. If neither a runtime nor the path says who
// started a container, its environment is used.
package containers
