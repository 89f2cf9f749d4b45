package host

import (
	"bytes"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// hostSources returns the columns of the Host table that are read from one file, by
// the name of the item in the file. It takes them from the Source field of the metric
// catalogue: those that begin with prefix, which is the file's path and a space.
func hostSources(prefix string) map[string]int {
	m := map[string]int{}
	for _, c := range metric.Columns(metric.Host) {
		if item, ok := strings.CutPrefix(c.Source, prefix); ok && !strings.Contains(item, " - ") {
			if _, taken := m[item]; !taken {
				m[item] = c.Column
			}
		}
	}
	return m
}

// keyedFile is a file of lines "name value": /proc/meminfo, /proc/vmstat or
// /proc/net/snmp6.
type keyedFile struct {
	file    *file
	columns map[string]int // by name
}

// newKeyed makes a keyedFile of the file at path, whose items have prefix in the
// catalogue (see hostSources).

func newKeyed(path, prefix string) *keyedFile {
	k := &keyedFile{file: newFile(path), columns: map[string]int{}}
	for item, c := range hostSources(prefix) {
		k.columns[strings.ReplaceAll(item, " ", "")] = c
	}
	return k
}

func (k *keyedFile) read(buf *[]byte, host []int64) { k.parse(k.file.read(buf), host) }

var kB = []byte("kB")

// parse reads lines "name value" into a Host row. The name may end with a colon. A
// value followed by "kB" (meminfo) is in units of 1024 bytes.
func (k *keyedFile) parse(b []byte, host []int64) {
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		key, rest := nextField(line)
		if n := len(key); n > 0 && key[n-1] == ':' {
			key = key[:n-1]
		}
		c, ok := k.columns[string(key)]
		if !ok {
			continue
		}
		value, rest := nextField(rest)
		unit, _ := nextField(rest)
		mul := int64(1)
		if bytes.Equal(unit, kB) {
			mul = 1024
		}
		host[c] = scaled(value, mul)
	}
}
