package host

import (
	"bytes"
	"os"

	"github.com/daytwo/daytwo/api/metric"
)

// protoFile is a file of pairs of lines, the first with names, the second with values:
// /proc/net/snmp or /proc/net/netstat (counters of RFC 4293, 4022 and 4113, and
// Linux's own).
type protoFile struct {
	file    *file
	columns map[string]int // by protocol and name, such as "Tcp InSegs"
	plans   []protoPlan    // plans[i] is that of the i-th pair in the file
}

// protoPlan holds the columns of the values in one pair of lines. It is valid as long
// as the pair's first line stays the same.
type protoPlan struct {
	header  []byte // the first line
	columns []int  // column of each value; -1 if it is not read
}

// newProto makes a protoFile of the file at path, whose items have prefix in the
// catalogue (see hostSources).

func newProto(path, prefix string) *protoFile {
	return &protoFile{file: newFile(path), columns: hostSources(prefix)}
}

func (p *protoFile) read(buf *[]byte, host []int64) { p.parse(p.file.read(buf), host) }

func (p *protoFile) parse(b []byte, host []int64) {
	for i := 0; len(b) > 0 && i < 64; i++ {
		var header, values, f []byte
		header, b = nextLine(b)
		values, b = nextLine(b)
		name, rest := nextField(values)
		if of, _ := nextField(header); len(name) == 0 || !bytes.Equal(of, name) {
			return // the two lines are not a pair
		}
		if i == len(p.plans) {
			p.plans = append(p.plans, protoPlan{})
		}
		plan := &p.plans[i]
		if !bytes.Equal(plan.header, header) {
			p.learn(plan, header)
		}
		for _, c := range plan.columns {
			if f, rest = nextField(rest); len(f) == 0 {
				break
			}
			if c >= 0 {
				host[c] = scaled(f, 1)
			}
		}
	}
}

// learn makes the plan of a pair from its first line.
func (p *protoFile) learn(plan *protoPlan, header []byte) {
	plan.header = bytes.Clone(header)
	plan.columns = plan.columns[:0]
	name, rest := nextField(header)
	proto := string(bytes.TrimSuffix(name, []byte(":")))
	for {
		var f []byte
		if f, rest = nextField(rest); len(f) == 0 {
			return
		}
		c, ok := p.columns[proto+" "+string(f)]
		if !ok {
			c = -1
		}
		plan.columns = append(plan.columns, c)
	}
}

// sockFile is /proc/net/sockstat or /proc/net/sockstat6, which have lines such as
// "TCP: inuse 1 orphan 0".
type sockFile struct {
	file    *file
	columns map[string]int // by protocol and name, such as "TCP inuse"
	key     []byte         // memory for the key of columns
}

// newSock makes a sockFile of the file at path, whose items have prefix in the
// catalogue (see hostSources).

func newSock(path, prefix string) *sockFile {
	return &sockFile{file: newFile(path), columns: hostSources(prefix)}
}

func (s *sockFile) read(buf *[]byte, host []int64) {
	s.parse(s.file.read(buf), host)
	pages(host, metric.HostSockTCPMem, metric.HostSockTCPMemBytes)
	pages(host, metric.HostSockUDPMem, metric.HostSockUDPMemBytes)
}

func (s *sockFile) parse(b []byte, host []int64) {
	for len(b) > 0 {
		var line, name, value []byte
		line, b = nextLine(b)
		proto, rest := nextField(line)
		proto = bytes.TrimSuffix(proto, colon)
		for {
			name, rest = nextField(rest)
			value, rest = nextField(rest)
			if len(value) == 0 {
				break
			}
			s.key = append(append(append(s.key[:0], proto...), ' '), name...)
			if c, ok := s.columns[string(s.key)]; ok {
				host[c] = scaled(value, 1)
			}
		}
	}
}

var colon = []byte{':'}

var pageSize = int64(os.Getpagesize()) // bytes

// pages fills column to, in bytes, from column from, in memory pages.
func pages(host []int64, from, to int) {
	if n := host[from]; n >= 0 && n < 1<<50 {
		host[to] = n * pageSize
	}
}
