// Package kernels runs the tests named TestKernel… of the collector's packages
// on every kernel of the rig, in virtual machines. The same tests run on the
// machine's own kernel with a plain go test of their packages.
//
// It has no tests of behaviour itself and never names a kernel version.
package kernels
