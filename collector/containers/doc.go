// Package containers says whose a cgroup is: the container's id, name, image and
// labels, the task it runs and the unit it belongs to. It asks the runtimes that
// are there (docker, podman, containerd, CRI, the state files of runc and crun)
// and takes the cgroup's path and the environment of its first process for the
// rest. It also reads the network counters of containers. It never waits for a
// runtime when it is asked, and never starts, stops or changes a container.
//
// Origin tags are Mesos' words for what every platform has. They map like this;
// a container's own MESOS_*, MARATHON_* and NOMAD_* variables (or labels) win:
//
//	tag               Mesos, Marathon        Kubernetes             Nomad               any other container
//	framework_name    "marathon", "chronos"  "kubernetes"           "nomad"
//	framework_id      MESOS_FRAMEWORK_ID     namespace              NOMAD_NAMESPACE
//	executor_id       MESOS_EXECUTOR_ID      uid of the pod         NOMAD_ALLOC_ID
//	application_name  MARATHON_APP_ID        app.kubernetes.io/name NOMAD_JOB_NAME      com.docker.compose.project
//	task_id           MESOS_TASK_ID          id of the container    <alloc>.<task>      id of the container
//	task_name         from MARATHON_APP_ID   name in the pod        NOMAD_TASK_NAME     name of the container
package containers
