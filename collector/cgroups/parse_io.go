package cgroups

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

// ioWidth is the number of columns of an io row.
const ioWidth = metric.IODiscards + 1

// ioDevice holds the io of one cgroup on one device. On v1 the kernel drops a
// removed child's io from its parent's sums, some time after the removal; the
// fields from last to head make up for that (see steady).
type ioDevice struct {
	dev   Device
	raw   [ioWidth]int64   // the kernel's values of this reading
	last  [ioWidth]int64   // v1: values shown at the previous reading
	carry [ioWidth]int64   // v1: io of removed children, no longer in raw
	gone  [][ioWidth]int64 // v1: io of each removed child, oldest removal first
	head  [ioWidth]int     // v1: number of elements of gone that are already in carry
	seen  bool             // the kernel listed the device in this reading
}

// findIO returns the element of a device, which it appends if there is none. It
// returns nil if devs has 4096 devices, a bound that no real group reaches.
func findIO(devs []ioDevice, dev Device) ([]ioDevice, *ioDevice) {
	for i := range devs {
		if devs[i].dev == dev {
			return devs, &devs[i]
		}
	}
	if len(devs) >= 4096 {
		return devs, nil
	}
	d := ioDevice{dev: dev}
	for c := range d.raw {
		d.raw[c] = metric.Absent
	}
	devs = append(devs, d)
	return devs, &devs[len(devs)-1]
}

// parseIOStat parses v2's io.stat ("254:0 rbytes=1 wbytes=2 rios=3 …") into devs.
// Some kernels print a device without values, and then the next device on the
// same line.
func parseIOStat(b []byte, devs []ioDevice) []ioDevice {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		var d *ioDevice
		for len(line) > 0 {
			var f []byte
			f, line = cutField(line)
			eq := bytes.IndexByte(f, '=')
			if eq < 0 {
				d = nil
				if dev, ok := parseDevice(f); ok && len(line) > 0 && hasValues(line) {
					if devs, d = findIO(devs, dev); d != nil {
						d.seen = true
					}
				}
				continue
			}
			col := ioStatColumn(f[:eq])
			if v, _, ok := parseInt(f[eq+1:]); ok && d != nil && col >= 0 {
				d.raw[col] = v
			}
		}
	}
	return devs
}

// hasValues reports whether line begins with a value (name=number) rather than with
// another device.
func hasValues(line []byte) bool {
	f, _ := cutField(line)
	return bytes.IndexByte(f, '=') >= 0
}

// ioStatColumn returns the column of a name in io.stat, -1 if it has none.
func ioStatColumn(name []byte) int {
	switch string(name) {
	case "rbytes":
		return metric.IOReadBytes
	case "wbytes":
		return metric.IOWriteBytes
	case "rios":
		return metric.IOReads
	case "wios":
		return metric.IOWrites
	case "dbytes":
		return metric.IODiscardBytes
	case "dios":
		return metric.IODiscards
	}
	return -1
}

// parseBlkio parses v1's blkio.throttle.io_service_bytes_recursive or
// io_serviced_recursive ("254:0 Read 1") into devs. read, write and discard are the
// columns for the lines Read, Write and Discard.
func parseBlkio(b []byte, read, write, discard int, devs []ioDevice) []ioDevice {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		dev, rest := cutField(line)
		op, num := cutField(rest)
		col := -1
		switch string(op) {
		case "Read":
			col = read
		case "Write":
			col = write
		case "Discard":
			col = discard
		}
		if col < 0 {
			continue
		}
		id, ok := parseDevice(dev)
		v, _, okv := parseInt(num)
		if !ok || !okv {
			continue
		}
		var d *ioDevice
		if devs, d = findIO(devs, id); d != nil {
			d.raw[col], d.seen = v, true
		}
	}
	return devs
}
