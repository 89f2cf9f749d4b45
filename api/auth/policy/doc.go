// Package policy decides what a principal may do: Decide for one thing, View for lists,
// which are filtered by it, and Explain for people. The rules are a YAML file, compiled by
// principal at the first decision about it; File follows changes of that file.
//
// Rules only allow: what no rule allows is denied. Decisions depend on the identifiers and
// the origin tags that a collector found out, never on the text of a request, and never on
// what a container says of itself in StatsD tags or fields of log entries. The package
// knows no HTTP: which resource a route shows is decided where the route is.
package policy
