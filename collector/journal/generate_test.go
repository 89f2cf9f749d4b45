package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// entryMaker makes entries of every sort that journald takes.
type entryMaker struct {
	*rand.Rand
	seqnum, realtime, monotonic uint64
	boot                        ID
	steady                      bool // the wall clock is never set back
	rare                        int  // of so many entries one is the first of a boot, and two of a clock set back
}

func newEntryMaker(seed uint64) *entryMaker {
	return &entryMaker{Rand: rand.New(rand.NewPCG(seed, 1)), realtime: 1_700_000_000_000_000,
		boot: ID{byte(seed), 1}, rare: 500}
}

// next makes an entry; now and then the machine boots, or the clock is set back.
func (m *entryMaker) next() testEntry {
	m.seqnum++
	m.realtime += m.Uint64N(2_000_000)
	m.monotonic += 1 + m.Uint64N(2_000_000)
	switch m.IntN(m.rare) {
	case 0:
		m.boot[2]++
		m.monotonic = m.Uint64N(1000)
	case 1, 2:
		if m.steady {
			break
		}
		m.realtime -= m.Uint64N(3_600_000_000)
	}
	e := testEntry{seqnum: m.seqnum, realtime: m.realtime, monotonic: m.monotonic, boot: m.boot, fields: []string{
		"_BOOT_ID=" + m.boot.String(),
		fmt.Sprintf("PRIORITY=%d", m.IntN(8)),
		fmt.Sprintf("_SYSTEMD_UNIT=unit%d.service", m.IntN(10)),
		fmt.Sprintf("_PID=%d", m.IntN(500)),
		"_HOSTNAME=host",
		"MESSAGE=" + m.message(),
	}}
	switch m.IntN(40) {
	case 0:
		e.fields = append(e.fields, "TAG=a", "TAG=b", "TAG=")
	case 1:
		e.fields = append(e.fields, "SAME=x", "SAME=x")
	case 2:
		for i := range 200 { // with more, systemd-journal-remote begins a file for each such entry
			e.fields = append(e.fields, fmt.Sprintf("FIELD%d=%d", i, i%7))
		}
	case 3:
		e.fields = append(e.fields, "BINARY="+string([]byte{0, 255, 254, '\n', '='}))
	}
	return e
}

func (m *entryMaker) message() string {
	switch m.IntN(25) {
	case 0:
		b := make([]byte, m.IntN(6000))
		for i := range b {
			b[i] = byte(m.Uint32())
		}
		return string(b)
	case 1:
		return strings.Repeat("long ", m.IntN(20_000))
	case 2:
		return "grüße\t日本 \x1b[31mred\x1b[0m \u0085 \U0001f600"
	case 3:
		return "two\nlines, \"quoted\", a back\\slash, and a return\r"
	case 4:
		return ""
	case 5:
		odd := []string{"\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\x80", "\ufdd0", "\uffff", "\xe2\x82", "\x7f", "a\x00b"}
		return odd[m.IntN(len(odd))]
	case 6:
		return strings.Repeat("x", 4096-len("MESSAGE=")-1+m.IntN(3))
	}
	return fmt.Sprintf("request %d served in %d ms", m.seqnum, m.IntN(1000))
}

// appendExport appends an entry in the export format, for
// systemd-journal-remote.
func (e *testEntry) appendExport(b *bytes.Buffer) {
	fmt.Fprintf(b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n", e.realtime, e.monotonic)
	for _, f := range e.fields {
		name, value, _ := strings.Cut(f, "=")
		if printable([]byte(f), false) {
			b.WriteString(f + "\n")
			continue
		}
		b.WriteString(name + "\n")
		b.Write(le.AppendUint64(nil, uint64(len(value))))
		b.WriteString(value + "\n")
	}
	b.WriteByte('\n')
}
