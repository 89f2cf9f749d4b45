package host

import (
	"fmt"
	"log/slog"
	"regexp"
)

// What node_exporter leaves out by default, so that its users see the same rows.
const (
	DefaultMountExclude  = `^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`
	DefaultFSTypeExclude = `^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$`
	DefaultDiskExclude   = `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`
	DefaultIfaceExclude  = `^$`
)

// Options says where the machine is seen. Empty fields take the defaults.
// Each Exclude is a regular expression (RE2); `^$` excludes nothing.
type Options struct {
	Proc string // /proc
	Sys  string // /sys
	Root string // where the host's root is mounted: /

	MountExclude  string // mount points, DefaultMountExclude
	FSTypeExclude string // filesystem types, DefaultFSTypeExclude
	DiskExclude   string // block devices, DefaultDiskExclude
	IfaceExclude  string // network interfaces, DefaultIfaceExclude

	Log *slog.Logger
}

type filters struct{ mount, fsType, disk, iface *regexp.Regexp }

func (o *Options) fill() (f filters, err error) {
	setDefault(&o.Proc, "/proc")
	setDefault(&o.Root, "/")
	setDefault(&o.MountExclude, DefaultMountExclude)
	setDefault(&o.FSTypeExclude, DefaultFSTypeExclude)
	setDefault(&o.DiskExclude, DefaultDiskExclude)
	setDefault(&o.IfaceExclude, DefaultIfaceExclude)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	for _, p := range []struct {
		name, expr string
		to         **regexp.Regexp
	}{
		{"MountExclude", o.MountExclude, &f.mount},
		{"FSTypeExclude", o.FSTypeExclude, &f.fsType},
		{"DiskExclude", o.DiskExclude, &f.disk},
		{"IfaceExclude", o.IfaceExclude, &f.iface},
	} {
		if *p.to, err = regexp.Compile(p.expr); err != nil {
			return f, fmt.Errorf("host: %s is not a regular expression: %w", p.name, err)
		}
	}
	return f, nil
}

func setDefault(s *string, v string) {
	if *s == "" {
		*s = v
	}
}
