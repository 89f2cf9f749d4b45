package cgroups

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// deviceNames caches the names that DeviceName found.
var deviceNames struct {
	sync.RWMutex
	m map[Device]string
}

// DeviceName returns the kernel's name of a block device ("sda", "nvme0n1") from
// /sys/dev/block, or "major:minor" if there is no such device (yet). Names are
// cached: a second call for the same device allocates nothing.
func DeviceName(major, minor uint32) string {
	d := Device{major, minor}
	deviceNames.RLock()
	name, ok := deviceNames.m[d]
	deviceNames.RUnlock()
	if ok {
		return name
	}
	name = fmt.Sprintf("%d:%d", major, minor)
	to, err := os.Readlink("/sys/dev/block/" + name)
	if err != nil {
		return name
	}
	name = filepath.Base(to)
	deviceNames.Lock()
	defer deviceNames.Unlock()
	if deviceNames.m == nil || len(deviceNames.m) >= 4096 { // bounds the cache, as devices come and go
		deviceNames.m = map[Device]string{}
	}
	deviceNames.m[d] = name
	return name
}

// forgetDevices empties the cache of names: the kernel may give the number of a
// removed device to another one.
func forgetDevices() {
	deviceNames.Lock()
	deviceNames.m = nil
	deviceNames.Unlock()
}
