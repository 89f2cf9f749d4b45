// Package dcos answers in DC/OS' documents: the metrics API v0 of DC/OS 1.9 to
// 2.2, and those of Mesos' and DC/OS' routes that their command lines read first.
//
// It keeps nothing of its own and checks no token.
package dcos
