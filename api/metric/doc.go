// Package metric is the catalogue of metrics: for each kind of row a table of columns, with
// their names (native, Prometheus, DC/OS), unit, type and source. Encoder, decoder and all
// expositions use it. It never holds a value.
//
// A metric is identified by (Kind, column). Columns are only appended, so that a column
// number has the same meaning in every version; a golden test asserts it.
package metric
