package logdriver

import (
	"github.com/daytwo/daytwo/api/entry"
)

// Names of fields. Source: github.com/moby/moby/daemon/logger/journald, conmon's
// src/ctr_logging.c, systemd.journal-fields(7).
const (
	fieldMessage  = "MESSAGE"
	fieldPriority = "PRIORITY"
	fieldStream   = "STREAM" // of DC/OS and log-pipe: STDOUT or STDERR

	fieldIDFull = "CONTAINER_ID_FULL"
	fieldID     = "CONTAINER_ID" // of Docker and Podman: 12 digits of it; of DC/OS: all
	fieldName   = "CONTAINER_NAME"
	fieldImage  = "IMAGE_NAME" // of Docker alone

	fieldPartial = "CONTAINER_PARTIAL_MESSAGE" // true for each piece but the last; of some versions for that, too
	fieldPieceID = "CONTAINER_PARTIAL_ID"      // of a line: Docker 23 and later, log-pipe
	fieldOrdinal = "CONTAINER_PARTIAL_ORDINAL" // of a piece, from 1 on
	fieldLast    = "CONTAINER_PARTIAL_LAST"    // true or false

	fieldUID    = "_UID"            // journald adds it
	fieldCgroup = "_SYSTEMD_CGROUP" // and it
)

// Driver is what wrote an entry.
type Driver uint8

// Drivers.
const (
	None   Driver = iota // no driver that is known
	Docker               // Docker's journald driver
	Podman               // conmon: Podman's and CRI-O's
)

var driverNames = [...]string{"none", "docker", "podman"}

func (d Driver) String() string { return driverNames[d] }

// Of returns the driver that an entry says it comes from, and the container's full id.
// Any process can write such fields: see Origin.
func Of(e *entry.Entry) (d Driver, containerID []byte) {
	id, ok := e.Get(fieldIDFull)
	if !ok || !isID(id) {
		return None, nil
	}
	if _, ok := e.Get(fieldImage); ok {
		return Docker, id
	}
	return Podman, id
}

// isID reports whether b is the id of a container of Docker or Podman: 64 hexadecimal
// digits.
func isID(b []byte) bool {
	if len(b) != 64 {
		return false
	}
	for _, c := range b {
		if !isHex(c) {
			return false
		}
	}
	return true
}

// Origin returns the origin tags of an entry of a driver, and whether it is one that can
// be believed. lookup returns what the collector knows of a container, if anything; else
// the tags are those of a container without a scheduler.
//
// An entry is believed if root wrote it, as journald itself notes, and not from inside
// the cgroup of another container. The entries of a rootless runtime are not: their
// fields stay as they are, and have no origin.
func Origin(e *entry.Entry, lookup func(containerID string) (entry.Origin, bool)) (o entry.Origin, ok bool) {
	d, id := Of(e)
	if d == None || !believed(e, id) {
		return o, false
	}
	containerID := string(id)
	if lookup != nil {
		if o, ok := lookup(containerID); ok {
			return o, true
		}
	}
	o.SetTag("container_id", containerID)
	o.SetTag("task_id", containerID)
	if name, ok := e.Get(fieldName); ok {
		o.SetTag("task_name", string(name))
	}
	return o, true
}

func believed(e *entry.Entry, id []byte) bool {
	if uid, ok := e.Get(fieldUID); !ok || string(uid) != "0" {
		return false
	}
	cgroup, _ := e.Get(fieldCgroup)
	for i := 0; i+len(id) <= len(cgroup); {
		if !isHex(cgroup[i]) {
			i++
			continue
		}
		n := i
		for n < len(cgroup) && isHex(cgroup[n]) {
			n++
		}
		if other := cgroup[i:n]; len(other) == len(id) && string(other) != string(id) {
			return false
		}
		i = n
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
