// Package health holds what `daytwo doctor` finds on a node and on a relay. It
// defines shapes only and never talks to a network.
package health
