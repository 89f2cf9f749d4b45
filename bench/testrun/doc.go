// Testrun runs go test in one or more passes, which "--" separates, and reports
// progress on standard error. At the end it prints what was skipped and why, go
// test's own line for every package, and the names of flaky tests: tests that
// failed are run once more, alone, and are flaky if they pass then. It exits with
// status 1 if any fails again, or if a pass could not be run.
//
//	testrun -race ./... -- -run Alloc ./collector/cgroups
package main
