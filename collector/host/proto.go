package host

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

// protoFile is a file of pairs of lines, names then values: /proc/net/snmp and
// /proc/net/netstat (RFC 4293, 4022 and 4113, and Linux's own).
type protoFile struct {
	file    *file
	columns map[string]int // "Tcp InSegs"
	plans   []protoPlan    // of the pairs, in the order of the file
}

// protoPlan is where the values of one pair go, as long as its first line
// stays the same.
type protoPlan struct {
	header  []byte
	columns []int // -1: not wanted
}

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
			return // not pairs any more
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

// sockFile is /proc/net/sockstat or sockstat6: "TCP: inuse 1 orphan 0 …".
type sockFile struct {
	file    *file
	columns map[string]int // "TCP inuse"
	key     []byte
}

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
