// Package health holds what `daytwo doctor` finds on a node and on a relay, and
// gathers it from those who look. It looks at nothing itself.
package health
