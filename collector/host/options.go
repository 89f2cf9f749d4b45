package host

import (
	"fmt"
	"log/slog"
	"regexp"
)

// Default exclusions are those of node_exporter, so that its users see the same rows.
const (
	DefaultMountExclude  = `^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`
	DefaultFSTypeExclude = `^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|` +
		`iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$`
	DefaultDiskExclude  = `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`
	DefaultIfaceExclude = `^$`
)

// Options configures a Reader. An empty field means its default. Each Exclude is a
// regular expression (RE2) of names that are not shown; `^$` excludes nothing.
type Options struct {
	Proc string // path of the host's /proc; default /proc
	Sys  string // path of the host's /sys; default /sys
	Root string // path at which the host's root is mounted; default /

	MountExclude  string // mount points; default DefaultMountExclude
	FSTypeExclude string // filesystem types; default DefaultFSTypeExclude
	DiskExclude   string // block devices; default DefaultDiskExclude
	IfaceExclude  string // network interfaces; default DefaultIfaceExclude

	Log *slog.Logger // default slog.Default()
}

// filters are the compiled Exclude options.
type filters struct{ mount, fsType, disk, iface *regexp.Regexp }

// fill sets the defaults, except that of Sys, and compiles the Exclude options.

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

// setDefault sets *s to v if it is empty.
func setDefault(s *string, v string) {
	if *s == "" {
		*s = v
	}
}
