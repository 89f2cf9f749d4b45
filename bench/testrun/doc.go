// Testrun runs go test in one or more passes, tells the progress on stderr, and
// ends with what was skipped and why, and go test's own line for every package.
// Tests that failed are run once more, alone, and the report names those that
// pass then. It exits 1 if any fails again, or a pass could not be run.
//
//	testrun -race ./... -- -run Alloc ./collector/cgroups
package main
