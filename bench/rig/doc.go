// Package rig starts the real parts that tests need: kernels, container
// runtimes, brokers, clients. What it starts it also ends, and it says plainly
// what is missing. Only tests and benchmarks import it.
package rig
