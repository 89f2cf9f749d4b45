// Package enter starts a command inside a running container, with what the container's
// first process has and nothing more: namespaces, cgroups, root directory, ids,
// capabilities, no_new_privs, seccomp filters, resource limits, scheduling, security
// label, environment. It refuses what it cannot give in full.
//
// It is made for the helper of a session, a small process of its own. It never executes
// a program of the container to find something out, and never follows a link out of the
// container's root.
package enter
