package metric

// Columns of Collector, one row: the collector's own metrics. Append only.
const (
	SelfTicks = iota
	SelfTicksMissed
	SelfClockSteps
	SelfTickDuration
	SelfReadDuration
	SelfPublishDuration
	SelfCPU
	SelfRSS
	SelfHeap
	SelfFDs
	SelfGroups
	SelfContainers
	SelfCgroupFDs
	SelfChecks
	SelfMismatches
	SelfFrames
	SelfFrameBytes
	SelfKeyframes
	SelfAcked
	SelfSpooledFrames
	SelfSpoolBytes
	SelfDroppedFrames
	SelfPublishErrors
	SelfInFlight
	SelfReadErrors
	SelfStatsdAbsent
	SelfStatsdPorts
	SelfStatsdSteered
	SelfStatsdSenders
	SelfStatsdEndpoints
	SelfStatsdNamespaces
	SelfStatsdUnreached
	SelfStatsdConflicts
	SelfStatsdUnknown
	SelfStatsdDrops
	SelfStatsdPanics
	SelfTicksStalled
	SelfPanics
	SelfLogStreams
	SelfLogQueries
	SelfLogEntries
	SelfLogBytes
	SelfInsecure
	SelfSessions
	SelfSessionsOpened
	SelfSessionsRefused
	SelfSessionsFailed
	SelfSessionsLost
	SelfCredentialExpiry
	SelfCredentialFailing
	SelfSessionsDenied
	SelfSessionsPolicyFailing
)

// Columns of Part, one row per part of a cgroup's record. Append only.
const (
	PartReader = iota
	PartMismatches
)

// Columns of Call, one row a sort of call that another process, a mount or a runtime
// can hold for ever. Row.Key and the label "source" name it. Append only.
const (
	CallsHeld = iota
	CallsTimedOut
	CallsRefused
)

func init() {
	register(Collector, "daytwo_collector", []Metric{
		SelfTicks: {Name: "ticks", Type: Counter, Source: "collector", Help: "Ticks read since the start."},
		SelfTicksMissed: {Name: "ticks_missed", Type: Counter, Source: "collector",
			Help: "Ticks that were skipped because the previous one took too long."},
		SelfClockSteps: {Name: "clock_steps", Type: Counter, Source: "CLOCK_REALTIME against CLOCK_MONOTONIC",
			Help: "Times that the wall clock was set."},
		SelfTickDuration: {Name: "tick_duration", Unit: Nanoseconds, Source: "collector",
			Help: "Duration of the previous tick, from the first read to publishing."},
		SelfReadDuration: {Name: "cgroups_read_duration", Unit: Nanoseconds, Source: "collector",
			Help: "Duration of reading all cgroups in this tick."},
		SelfPublishDuration: {Name: "publish_duration", Unit: Nanoseconds, Source: "collector",
			Help: "Duration of encoding and publishing in the previous tick."},
		SelfCPU: {Name: "cpu", Unit: Nanoseconds, Type: Counter, Source: "getrusage(2)",
			Help: "CPU time of the process, user and system."},
		SelfRSS: {Name: "resident_memory", Unit: Bytes, Source: "/proc/self/statm",
			Help: "Resident memory of the process."},
		SelfHeap: {Name: "heap", Unit: Bytes, Source: "runtime/metrics /memory/classes/heap/objects:bytes",
			Help: "Memory in live and not yet swept Go objects."},
		SelfFDs:        {Name: "open_fds", Source: "/proc/self/fd", Help: "Open file descriptors."},
		SelfGroups:     {Name: "cgroups", Source: "collector", Help: "Cgroups in this tick."},
		SelfContainers: {Name: "containers", Source: "collector", Help: "Cgroups that are containers."},
		SelfCgroupFDs:  {Name: "kept_fds", Source: "collector", Help: "Cgroup files held open."},
		SelfChecks: {Name: "checks", Type: Counter, Source: "collector",
			Help: "Cgroups compared with the kernel's own text."},
		SelfMismatches: {Name: "check_mismatches", Type: Counter, Source: "collector",
			Help: "Comparisons that differed; each makes its part fall back to files."},
		SelfFrames: {Name: "frames", Type: Counter, Source: "collector", Help: "Frames encoded."},
		SelfFrameBytes: {Name: "frame", Unit: Bytes, Type: Counter, Source: "collector",
			Help: "Size of the frames encoded."},
		SelfKeyframes: {Name: "keyframes", Type: Counter, Source: "collector",
			Help: "Keyframes encoded: frames that can be decoded without others."},
		SelfAcked: {Name: "frames_acked", Type: Counter, Source: "JetStream",
			Help: "Frames that the stream has stored."},
		SelfSpooledFrames: {Name: "spool_frames", Source: "collector",
			Help: "Frames in the spool on disk, which wait for NATS."},
		SelfSpoolBytes: {Name: "spool", Unit: Bytes, Source: "collector", Help: "Size of the spool on disk."},
		SelfDroppedFrames: {Name: "frames_dropped", Type: Counter, Source: "collector",
			Help: "Frames lost because the spool was full or could not be written."},
		SelfPublishErrors: {Name: "publish_errors", Type: Counter, Source: "NATS",
			Help: "Attempts to publish that failed; the frame went to the spool."},
		SelfInFlight: {Name: "frames_in_flight", Source: "JetStream",
			Help: "Frames published and not yet acknowledged."},
		SelfReadErrors: {Name: "read_errors", Type: Counter, Source: "collector",
			Help: "Ticks in which a part of the collector could not be read."},

		SelfStatsdAbsent: {Name: "statsd_listeners_absent", Source: "statsd",
			Help: "Default addresses on which StatsD is not received because another process uses them."},
		SelfStatsdPorts: {Name: "statsd_ports", Unit: Bool, Source: "statsd",
			Help: "1 while containers get ports of their own; 0 if another collector uses the ports."},
		SelfStatsdSteered: {Name: "statsd_steered", Unit: Bool, Source: "statsd",
			Help: "1 if containers' ports are steered onto one socket; 0 if each has a socket."},
		SelfStatsdSenders: {Name: "statsd_senders_known", Unit: Bool, Source: "statsd",
			Help: "1 if senders to a shared port are identified by their cgroups."},
		SelfStatsdDrops: {Name: "statsd_drops_known", Unit: Bool, Source: "statsd",
			Help: "1 if the kernel's drops are counted by sender."},
		SelfStatsdEndpoints: {Name: "statsd_endpoints", Source: "statsd", Help: "Containers that have a port of their own."},
		SelfStatsdNamespaces: {Name: "statsd_namespaces", Source: "statsd",
			Help: "Network namespaces of containers in which the collector listens on their ports."},
		SelfStatsdUnreached: {Name: "statsd_namespaces_failed", Source: "statsd",
			Help: "Containers in whose network namespaces the collector cannot listen."},
		SelfStatsdConflicts: {Name: "statsd_origin_conflicts", Type: Counter, Source: "statsd",
			Help: "Lines that named a container other than their sender."},
		SelfStatsdUnknown: {Name: "statsd_origin_unknown", Type: Counter, Source: "statsd",
			Help: "Lines that named an unknown container."},
		SelfStatsdPanics: {Name: "statsd_panics", Type: Counter, Source: "statsd",
			Help: "Panics while StatsD was received or aggregated, which are bugs in daytwo."},

		SelfTicksStalled: {Name: "ticks_stalled", Type: Counter, Source: "collector",
			Help: "Ticks that had not ended after three intervals, or after 5 s if that is longer."},
		SelfPanics: {Name: "panics", Type: Counter, Source: "collector",
			Help: "Panics that ticks, and what asks runtimes and processes, survived."},
		SelfLogStreams: {Name: "log_streams", Source: "collector", Help: "Queries of log entries that are being answered."},
		SelfLogQueries: {Name: "log_queries", Type: Counter, Source: "collector",
			Help: "Queries of log entries since the start."},
		SelfLogEntries: {Name: "log_entries", Type: Counter, Source: "collector",
			Help: "Log entries sent in answer to queries."},
		SelfLogBytes: {Name: "log", Unit: Bytes, Type: Counter, Source: "collector",
			Help: "Bytes of the fields of log entries sent in answer to queries."},
		SelfInsecure: {Name: "insecure", Unit: Bool, Source: "collector",
			Help: "Whether frames and logs go over the network without TLS or authentication, as --insecure allows."},
		SelfSessions: {Name: "sessions", Source: "sessions", Help: "Sessions in containers that run now."},
		SelfSessionsOpened: {Name: "sessions_opened", Type: Counter, Source: "sessions",
			Help: "Sessions started since the start."},
		SelfSessionsRefused: {Name: "sessions_refused", Type: Counter, Source: "sessions",
			Help: "Requests about sessions without a valid grant."},
		SelfSessionsFailed: {Name: "sessions_failed", Type: Counter, Source: "sessions",
			Help: "Sessions that were allowed and could not be started."},
		SelfSessionsLost: {Name: "sessions_lost", Type: Counter, Source: "sessions",
			Help: "Sessions that ended because the process that kept them died."},
		SelfCredentialExpiry: {Name: "nats_credential_expiry", Unit: Nanoseconds, Source: "collector",
			Help: "Unix time at which the node's NATS credential expires; absent if it does not."},
		SelfCredentialFailing: {Name: "nats_credential_failing", Unit: Bool, Source: "collector",
			Help: "Whether the node's NATS credential could not be read or renewed last; the log says why."},
		SelfSessionsDenied: {Name: "sessions_denied", Type: Counter, Source: "sessions",
			Help: "Requests about sessions that the node's own policy does not allow."},
		SelfSessionsPolicyFailing: {Name: "sessions_policy_failing", Unit: Bool, Source: "sessions",
			Help: "Whether the node's own policy of sessions is broken, so that it denies everything; the log says why."},
	})
	register(Part, "daytwo_collector", []Metric{
		PartReader: {Name: "part_reader", Unit: Bool, Source: "collector", Prom: "daytwo_collector_part_reader",
			Help: "Always 1; the labels name the reader that the part uses, and why."},
		PartMismatches: {Name: "part_mismatches", Type: Counter, Source: "collector",
			Help: "Comparisons of this part with the kernel's text that differed."},
	})
	register(Call, "daytwo_collector", []Metric{
		CallsHeld: {Name: "calls_held", Source: "collector",
			Help: "Calls that have not returned, and whose callers no longer wait: their values are absent."},
		CallsTimedOut: {Name: "calls_timed_out", Type: Counter, Source: "collector",
			Help: "Calls that did not return in time."},
		CallsRefused: {Name: "calls_refused", Type: Counter, Source: "collector",
			Help: "Calls that were not made, because too many of their sort had not returned."},
	})
}
