package metric

// Columns of Filesystem, one row a mount point, labelled device, fstype and
// mountpoint. Append only.
const (
	FSSize = iota
	FSFree
	FSAvail
	FSUsed
	FSFiles
	FSFilesFree
	FSFilesUsed
	FSReadOnly
	FSDeviceError
)

func init() {
	register(Filesystem, "node_filesystem", []Metric{
		FSSize: {Name: "filesystem.capacity.total", Unit: Bytes, Type: Gauge, Source: "statfs(2) f_blocks",
			Prom: "node_filesystem_size_bytes", DCOS: "filesystem.capacity.total", Help: "Size of the filesystem."},
		FSFree: {Name: "filesystem.capacity.bfree", Unit: Bytes, Type: Gauge, Source: "statfs(2) f_bfree",
			Prom: "node_filesystem_free_bytes", Help: "Free space, that reserved for root included."},
		FSAvail: {Name: "filesystem.capacity.free", Unit: Bytes, Type: Gauge, Source: "statfs(2) f_bavail",
			Prom: "node_filesystem_avail_bytes", DCOS: "filesystem.capacity.free",
			Help: "Free space for users other than root."},
		FSUsed: {Name: "filesystem.capacity.used", Unit: Bytes, Type: Gauge, Source: "statfs(2) f_blocks - f_bfree",
			Prom: "node_filesystem_used_bytes", DCOS: "filesystem.capacity.used", Help: "Space in use."},
		FSFiles: {Name: "filesystem.inode.total", Unit: Count, Type: Gauge, Source: "statfs(2) f_files",
			Prom: "node_filesystem_files", DCOS: "filesystem.inode.total", Help: "Inodes."},
		FSFilesFree: {Name: "filesystem.inode.free", Unit: Count, Type: Gauge, Source: "statfs(2) f_ffree",
			Prom: "node_filesystem_files_free", DCOS: "filesystem.inode.free", Help: "Free inodes."},
		FSFilesUsed: {Name: "filesystem.inode.used", Unit: Count, Type: Gauge, Source: "statfs(2) f_files - f_ffree",
			Prom: "node_filesystem_files_used", DCOS: "filesystem.inode.used", Help: "Inodes in use."},
		FSReadOnly: {Name: "filesystem.readonly", Unit: Bool, Type: Gauge, Source: "statfs(2) f_flags; mountinfo options",
			Prom: "node_filesystem_readonly", Help: "1 while the filesystem is read-only."},
		FSDeviceError: {Name: "filesystem.device_error", Unit: Bool, Type: Gauge,
			Source: "statfs(2) failed, or did not return in time", Prom: "node_filesystem_device_error",
			Help: "1 while the filesystem cannot be asked for its state."},
	})
}
