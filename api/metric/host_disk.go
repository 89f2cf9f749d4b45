package metric

// Columns of Disk, one row a block device, labelled device. Append only.
const (
	DiskReads = iota
	DiskReadsMerged
	DiskReadBytes
	DiskReadTime
	DiskWrites
	DiskWritesMerged
	DiskWrittenBytes
	DiskWriteTime
	DiskInFlight
	DiskIOTime
	DiskIOTimeWeighted
	DiskDiscards
	DiskDiscardsMerged
	DiskDiscardedSectors
	DiskDiscardTime
	DiskFlushes
	DiskFlushTime
)

func init() {
	register(Disk, "node_disk", []Metric{
		DiskReads: {Name: "disk.reads", Unit: Count, Type: Counter, Source: "/proc/diskstats field 4",
			Prom: "node_disk_reads_completed_total", Help: "Reads completed."},
		DiskReadsMerged: {Name: "disk.reads_merged", Unit: Count, Type: Counter, Source: "/proc/diskstats field 5",
			Prom: "node_disk_reads_merged_total", Help: "Reads merged with another."},
		DiskReadBytes: {Name: "disk.read_bytes", Unit: Bytes, Type: Counter, Source: "/proc/diskstats field 6",
			Prom: "node_disk_read_bytes_total", Help: "Bytes read."},
		DiskReadTime: {Name: "disk.read_time", Unit: Nanoseconds, Type: Counter, Source: "/proc/diskstats field 7",
			Prom: "node_disk_read_time_seconds_total", Help: "Time spent by all reads."},
		DiskWrites: {Name: "disk.writes", Unit: Count, Type: Counter, Source: "/proc/diskstats field 8",
			Prom: "node_disk_writes_completed_total", Help: "Writes completed."},
		DiskWritesMerged: {Name: "disk.writes_merged", Unit: Count, Type: Counter, Source: "/proc/diskstats field 9",
			Prom: "node_disk_writes_merged_total", Help: "Writes merged with another."},
		DiskWrittenBytes: {Name: "disk.written_bytes", Unit: Bytes, Type: Counter, Source: "/proc/diskstats field 10",
			Prom: "node_disk_written_bytes_total", Help: "Bytes written."},
		DiskWriteTime: {Name: "disk.write_time", Unit: Nanoseconds, Type: Counter, Source: "/proc/diskstats field 11",
			Prom: "node_disk_write_time_seconds_total", Help: "Time spent by all writes."},
		DiskInFlight: {Name: "disk.in_flight", Unit: Count, Type: Gauge, Source: "/proc/diskstats field 12",
			Prom: "node_disk_io_now", Help: "IOs in progress."},
		DiskIOTime: {Name: "disk.io_time", Unit: Nanoseconds, Type: Counter, Source: "/proc/diskstats field 13",
			Prom: "node_disk_io_time_seconds_total", Help: "Time in which some io was in progress."},
		DiskIOTimeWeighted: {Name: "disk.io_time_weighted", Unit: Nanoseconds, Type: Counter,
			Source: "/proc/diskstats field 14", Prom: "node_disk_io_time_weighted_seconds_total",
			Help: "Time in progress, summed over IOs."},
		DiskDiscards: {Name: "disk.discards", Unit: Count, Type: Counter, Source: "/proc/diskstats field 15",
			Prom: "node_disk_discards_completed_total", Help: "Discards completed."},
		DiskDiscardsMerged: {Name: "disk.discards_merged", Unit: Count, Type: Counter, Source: "/proc/diskstats field 16",
			Prom: "node_disk_discards_merged_total", Help: "Discards merged with another."},
		DiskDiscardedSectors: {Name: "disk.discarded_sectors", Unit: Count, Type: Counter, Source: "/proc/diskstats field 17",
			Prom: "node_disk_discarded_sectors_total", Help: "Sectors of 512 bytes discarded."},
		DiskDiscardTime: {Name: "disk.discard_time", Unit: Nanoseconds, Type: Counter,
			Source: "/proc/diskstats field 18", Prom: "node_disk_discard_time_seconds_total",
			Help: "Time spent by all discards."},
		DiskFlushes: {Name: "disk.flushes", Unit: Count, Type: Counter, Source: "/proc/diskstats field 19",
			Prom: "node_disk_flush_requests_total", Help: "Flush requests completed."},
		DiskFlushTime: {Name: "disk.flush_time", Unit: Nanoseconds, Type: Counter, Source: "/proc/diskstats field 20",
			Prom: "node_disk_flush_requests_time_seconds_total", Help: "Time spent by all flush requests."},
	})
}
