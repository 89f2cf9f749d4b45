package host

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/collector/bounded"
)

// identity holds the labels of the host's row: those of uname(2), and the ids of the
// machine and of the current boot.
type identity struct {
	uts     unix.Utsname
	machine []frame.Label // those of metric.MachineLabels that have a value, sorted by name
	wait    int           // ticks until uname(2) is called again
}

func newIdentity(pool *bounded.Pool, o Options) *identity {
	id := &identity{wait: retryReads}
	var labels []frame.Label
	c := bounded.Call{Await: true, Run: func() { labels = machineLabels(o) }}
	pool.Start(&c, 0)
	pool.Wait(startWait)
	if c.Take() {
		id.machine = labels
	}
	unix.Uname(&id.uts) // fails only for an invalid address
	return id
}

// changed reports whether the result of uname(2), such as the host name, has changed
// since the last call. It calls uname(2) every retryReads ticks only.
func (id *identity) changed() bool {
	if id.wait--; id.wait > 0 {
		return false
	}
	id.wait = retryReads
	was := id.uts
	unix.Uname(&id.uts)
	return was != id.uts
}

// labels returns the labels that have a value, sorted by name.
func (id *identity) labels(string) []frame.Label {
	text := func(b []byte) string { return valid(unix.ByteSliceToString(b)) }
	labels := slices.Clone(id.machine)
	for _, l := range []frame.Label{
		{Name: "domainname", Value: text(id.uts.Domainname[:])},
		{Name: "hostname", Value: text(id.uts.Nodename[:])},
		{Name: "machine", Value: text(id.uts.Machine[:])},
		{Name: "release", Value: text(id.uts.Release[:])},
		{Name: "version", Value: text(id.uts.Version[:])},
	} {
		if l.Value != "" {
			labels = append(labels, l)
		}
	}
	return sortedLabels(labels)
}

// machineLabels returns those of metric.MachineLabels that have a value, from the files
// in which cAdvisor looks for them.
func machineLabels(o Options) (labels []frame.Label) {
	root := strings.TrimSuffix(o.Root, "/")
	for name, files := range map[string][]string{
		"boot_id":    {o.Proc + "/sys/kernel/random/boot_id"},
		"machine_id": {root + "/etc/machine-id", root + "/var/lib/dbus/machine-id"},
		"system_uuid": {o.Sys + "/class/dmi/id/product_uuid", o.Proc + "/device-tree/system-id",
			o.Proc + "/device-tree/vm,uuid"},
	} {
		for _, file := range files {
			b, err := readSmall(file)
			if text := valid(strings.Trim(string(b), " \t\n\x00")); err == nil && text != "" {
				labels = append(labels, frame.Label{Name: name, Value: text})
				break
			}
		}
	}
	return sortedLabels(labels)
}

// readSmall returns the first 4 KiB of a regular file.
func readSmall(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return io.ReadAll(io.LimitReader(f, 4096))
}
