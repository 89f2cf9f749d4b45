package policy

import "go.yaml.in/yaml/v3"

// Record says whether sessions that a rule allows are recorded. They do not start if they cannot
// be.
type Record string

// Values of record in a rule.
const (
	RecordNone   Record = ""
	RecordOutput Record = "output" // what the program prints
	RecordInput  Record = "input"  // and what it is given, without what is typed while the terminal does not echo
)

// Most returns the one of two that has more.
func (r Record) Most(other Record) Record {
	if r == RecordInput || other == RecordNone {
		return r
	}
	return other
}

// record reads the record of a rule.
func (p *parser) record(n *yaml.Node) Record {
	if n.Kind == yaml.ScalarNode {
		switch n.Value {
		case "true", "output":
			return RecordOutput
		case "input":
			return RecordInput
		case "false":
			return RecordNone
		}
	}
	p.add(n.Line, "record: write true, or input, which is what is typed, too")
	return RecordNone
}

// recordable reports whether a permission is to start something that can be recorded.
func (g grant) recordable() bool {
	switch g.resource {
	case Superuser, NestedSession, ExecAs, ExecPrivileged, NodeShell:
		return true
	}
	return false
}
