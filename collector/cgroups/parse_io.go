package cgroups

import (
	"bytes"

	"github.com/daytwo/daytwo/api/metric"
)

const ioWidth = metric.IODiscards + 1

// ioDevice is what one cgroup did on one device.
type ioDevice struct {
	dev   Device
	raw   [ioWidth]int64   // as the kernel has it now
	last  [ioWidth]int64   // v1: shown before
	carry [ioWidth]int64   // v1: what removed children took with them
	gone  [][ioWidth]int64 // v1: what removed children had, in the order they went
	head  [ioWidth]int     // v1: how many of them are in carry
	seen  bool
}

// findIO returns the record of a device, made if need be; nil if the group has
// too many (a bound, not a limit anyone meets).
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

// parseIOStat reads v2's io.stat: "254:0 rbytes=1 wbytes=2 rios=3 …". Some
// kernels print a device without values in front of the next one on its line.
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

// hasValues tells whether the next word of a line is a value of the device
// before it, and not another device.
func hasValues(line []byte) bool {
	f, _ := cutField(line)
	return bytes.IndexByte(f, '=') >= 0
}

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

// parseBlkio reads v1's blkio.throttle.io_service_bytes_recursive and
// io_serviced_recursive: "254:0 Read 1". The columns are those of Read, Write
// and Discard.
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
