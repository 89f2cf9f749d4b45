// Package sessions answers those calls of a Mesos agent's operator API by which DC/OS' command
// lines run a command in a task's container: LAUNCH_NESTED_CONTAINER_SESSION,
// ATTACH_CONTAINER_INPUT, ATTACH_CONTAINER_OUTPUT and WAIT_CONTAINER, with JSON or protobuf in
// RecordIO. Each nested container of theirs is a session of package broker, which decides what
// the asker may do.
package sessions
