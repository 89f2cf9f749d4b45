package host

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
)

// identity holds the labels of the host's row: those of uname(2), and the kernel's
// random id of the current boot.
type identity struct {
	uts    unix.Utsname
	bootID string
	wait   int // ticks until uname(2) is called again
}

func newIdentity(proc string, buf *[]byte) *identity {
	id := &identity{wait: retryReads}
	f := newFile(proc + "/sys/kernel/random/boot_id")
	defer f.close()
	id.bootID = strings.TrimSpace(string(f.read(buf)))
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
	var labels []frame.Label
	for _, l := range []frame.Label{
		{Name: "boot_id", Value: valid(id.bootID)},
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
	return labels
}
