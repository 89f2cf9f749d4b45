// Package logs implements the log routes of DC/OS 1.9 to 2.2 (dcos-log v1 and v2) and the
// files API of Mesos, in which a task has the two files stdout and stderr.
//
// It stores nothing and checks no token.
package logs
