// Package testtick makes ticks by hand, with values that are known, for tests of
// what shows them. bench/load simulates whole nodes.
package testtick
