// Package rig starts the real parts that tests need: the daytwo program itself,
// kernels, container runtimes, clients. It stops what it starts, it is the only
// place where tests skip or enter namespaces, and it fails a package whose tests
// leave something behind. It imports no package of daytwo but api/launch, so that
// the tests inside any other package can use it.
package rig
