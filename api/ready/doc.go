// Package ready keeps what the parts of a process still wait for, so that /readyz,
// `daytwo up` and the service manager all say the same.
//
// It starts no part and repairs none.
package ready
