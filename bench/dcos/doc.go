// Package dcos drives the DC/OS command line itself, unmodified, against a
// relay's routes over what a collector reads of this machine. It holds tests
// only.
package dcos
