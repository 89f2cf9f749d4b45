package logpipe

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Field is a field of an entry.
type Field struct{ Name, Value string }

// Limits of fields.
const (
	MaxName   = 64       // bytes of a name; journald ignores fields with longer ones
	MaxFields = 10 << 10 // bytes of all names and values together, as in DC/OS
)

// own are the fields that a pipe writes itself.
var own = []string{"MESSAGE", "PRIORITY", "STREAM", "LINE_BREAK", "LINE_RESENT", "MESSAGE_ID",
	"CONTAINER_PARTIAL_MESSAGE", "CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_ORDINAL", "CONTAINER_PARTIAL_LAST"}

// FieldName returns the name of the field for a label, as DC/OS and Docker make it: in
// capitals, with "_" for what is neither letter nor digit, and without leading "_", which
// journald keeps for itself. It returns an error if no valid name is left, or if the pipe
// writes that field itself.
func FieldName(label string) (string, error) {
	name := strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, label), "_")
	return name, checkName(name)
}

func checkName(name string) error {
	invalid := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' }
	switch {
	case name == "":
		return fmt.Errorf("a field needs a name of letters")
	case len(name) > MaxName:
		return fmt.Errorf("the field name %.80s has %d bytes: journald takes up to %d", name, len(name), MaxName)
	case name[0] == '_' || name[0] >= '0' && name[0] <= '9' || strings.ContainsFunc(name, invalid):
		return fmt.Errorf("journald takes no field named %q: use A-Z, 0-9 and _, and begin with a letter", name)
	case slices.Contains(own, name):
		return fmt.Errorf("the field %s is written for every line: give the label another name", name)
	}
	return nil
}

// CheckFields returns an error if journald would not take a field, if a name occurs
// twice, or if all are longer than MaxFields.
func CheckFields(fields []Field) error {
	n := 0
	seen := map[string]bool{}
	for _, f := range fields {
		if err := checkName(f.Name); err != nil {
			return err
		}
		if seen[f.Name] {
			return fmt.Errorf("the field %s is given twice", f.Name)
		}
		seen[f.Name] = true
		n += len(f.Name) + len(f.Value)
	}
	if n > MaxFields {
		return fmt.Errorf("the fields have %d bytes: up to %d are allowed", n, MaxFields)
	}
	return nil
}

// appendField appends a field in the encoding of the native protocol
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	if !strings.Contains(value, "\n") {
		dst = append(append(dst, '='), value...)
		return append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(value)))
	return append(append(dst, value...), '\n')
}

// prefixes are the beginnings of a source's entries, by priority: everything up to the
// line itself.
type prefixes [8][]byte

func makePrefixes(fields []Field, stream string) (p prefixes) {
	var common []byte
	for _, f := range fields {
		common = appendField(common, f.Name, f.Value)
	}
	if stream != "" {
		common = appendField(common, "STREAM", stream)
	}
	for priority := range p {
		b := appendField(slices.Clone(common), "PRIORITY", strconv.Itoa(priority))
		p[priority] = append(b, "MESSAGE="...)
	}
	return p
}
