// Package dcos implements routes of DC/OS: the metrics API v0 of DC/OS 1.9 to 2.2, and the
// routes of Mesos and DC/OS that their command lines request before it.
//
// It stores nothing but which containers have ended, and checks no token.
package dcos
