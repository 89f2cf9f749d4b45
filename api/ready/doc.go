// Package ready records which parts of a process are not ready and why, so that /readyz,
// `daytwo up` and the service manager all report the same.
//
// It neither starts nor repairs parts.
package ready
