// Package metric is the catalogue: one table of every metric that daytwo
// knows, with its names (native, Prometheus, DC/OS), unit, type and source.
// Both sides of the wire and every exposition read it; it never holds a value.
//
// A metric's identity is (Kind, column). Columns are only ever appended, so a
// column number means the same in every version; a golden test asserts it.
package metric
