package metric

// Columns of Container, one row per cgroup. Append only, at the end.
const (
	CPUUsage = iota
	CPUUser
	CPUSystem
	CPUPeriods
	CPUThrottledPeriods
	CPUThrottledTime
	CPUBursts
	CPUBurstTime
	CPUWeight
	CPUShares
	CPUQuota
	CPUPeriod
	MemCurrent
	MemPeak
	MemMax
	MemHigh
	MemLow
	MemMin
	MemSoftLimit
	MemFailcnt
	MemKernel
	MemSwap
	MemSwapPeak
	MemSwapMax
	MemSwapHigh
	MemSW
	MemSWMax
	MemSWPeak
	MemTCP
	MemZswap
	MemZswapMax
	MemEventLow
	MemEventHigh
	MemEventMax
	MemEventOom
	MemEventOomKill
	MemEventOomGroupKill
	SwapEventHigh
	SwapEventMax
	SwapEventFail
	PidsCurrent
	PidsMax
	PidsPeak
	PidsEventsMax
	Processes
	Threads
	Frozen
	Populated
	Created
	PSICPUSome
	PSICPUFull
	PSIMemorySome
	PSIMemoryFull
	PSIIOSome
	PSIIOFull
	PSIIRQFull
	StatAnon
	StatFile
	StatKernel
	StatKernelStack
	StatPagetables
	StatSecPagetables
	StatPercpu
	StatSock
	StatVmalloc
	StatShmem
	StatZswap
	StatZswapped
	StatFileMapped
	StatFileDirty
	StatFileWriteback
	StatSwapcached
	StatAnonThp
	StatFileThp
	StatShmemThp
	StatInactiveAnon
	StatActiveAnon
	StatInactiveFile
	StatActiveFile
	StatUnevictable
	StatSlabReclaimable
	StatSlabUnreclaimable
	StatSlab
	StatHugetlb
	StatWorkingsetRefaultAnon
	StatWorkingsetRefaultFile
	StatWorkingsetActivateAnon
	StatWorkingsetActivateFile
	StatWorkingsetRestoreAnon
	StatWorkingsetRestoreFile
	StatWorkingsetNodereclaim
	StatPgdemoteKswapd
	StatPgdemoteDirect
	StatPgdemoteKhugepaged
	StatPgdemoteProactive
	StatPgpromoteSuccess
	StatPgscan
	StatPgsteal
	StatPgscanKswapd
	StatPgscanDirect
	StatPgscanKhugepaged
	StatPgscanProactive
	StatPgstealKswapd
	StatPgstealDirect
	StatPgstealKhugepaged
	StatPgstealProactive
	StatPgfault
	StatPgmajfault
	StatPgrefill
	StatPgactivate
	StatPgdeactivate
	StatPglazyfree
	StatPglazyfreed
	StatSwpinZero
	StatSwpoutZero
	StatZswpin
	StatZswpout
	StatZswpwb
	StatThpFaultAlloc
	StatThpCollapseAlloc
	StatThpSwpout
	StatThpSwpoutFallback
	StatNumaPagesMigrated
	StatNumaPteUpdates
	StatNumaHintFaults
	StatNumaTaskMigrated
	StatNumaTaskSwapped
	StatPgpgin
	StatPgpgout
	FailuresPgfault
	FailuresPgmajfault
)

// FirstStat to LastStat are the columns of memory.stat's items.
const (
	FirstStat = StatAnon
	LastStat  = FailuresPgmajfault
)

func init() {
	register(Container, "container", []Metric{
		CPUUsage: {Name: "cpu.usage", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.stat usage_usec; cpuacct.usage", Prom: "container_cpu_usage_seconds_total", Help: "CPU time consumed."},
		CPUUser: {Name: "cpu.user", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.stat user_usec; cpuacct.usage_user", Prom: "container_cpu_user_seconds_total",
			DCOS: "cpus.user.time cpus.user_time_secs", Help: "CPU time in user mode."},
		CPUSystem: {Name: "cpu.system", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.stat system_usec; cpuacct.usage_sys", Prom: "container_cpu_system_seconds_total",
			DCOS: "cpus.system.time cpus.system_time_secs", Help: "CPU time in the kernel."},
		CPUPeriods: {Name: "cpu.nr_periods", Unit: Count, Type: Counter, Source: "cpu.stat nr_periods",
			Prom: "container_cpu_cfs_periods_total", DCOS: "cpus.nr.periods cpus.nr_periods",
			Help: "Enforcement periods that have elapsed."},
		CPUThrottledPeriods: {Name: "cpu.nr_throttled", Unit: Count, Type: Counter, Source: "cpu.stat nr_throttled",
			Prom: "container_cpu_cfs_throttled_periods_total", DCOS: "cpus.nr.throttled cpus.nr_throttled",
			Help: "Enforcement periods in which the group was throttled."},
		CPUThrottledTime: {Name: "cpu.throttled", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.stat throttled_usec; v1 throttled_time", Prom: "container_cpu_cfs_throttled_seconds_total",
			DCOS: "cpus.throttled.time cpus.throttled_time_secs", Help: "Time that the group was throttled."},
		CPUBursts: {Name: "cpu.nr_bursts", Unit: Count, Type: Counter, Source: "cpu.stat nr_bursts",
			Prom: "container_cpu_cfs_burst_periods_total", Help: "Periods in which the group used its burst."},
		CPUBurstTime: {Name: "cpu.burst", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.stat burst_usec; v1 burst_time", Prom: "container_cpu_cfs_burst_seconds_total",
			Help: "CPU time used beyond quota by bursting."},
		CPUWeight: {Name: "cpu.weight", Unit: Count, Type: Gauge, Source: "cpu.weight",
			Prom: "container_spec_cpu_weight", Help: "Weight on cgroup v2 (1 to 10000, default 100)."},
		CPUShares: {Name: "cpu.shares", Unit: Count, Type: Gauge, Source: "cpu.shares (v1)",
			Prom: "container_spec_cpu_shares", Help: "Shares on cgroup v1 (default 1024)."},
		CPUQuota: {Name: "cpu.quota", Unit: Nanoseconds, Type: Gauge, Source: "cpu.max; cpu.cfs_quota_us",
			Prom: "container_spec_cpu_quota",
			Help: "CPU time allowed in a period (nanoseconds stored, microseconds in Prometheus as cAdvisor has it)."},
		CPUPeriod: {Name: "cpu.period", Unit: Nanoseconds, Type: Gauge, Source: "cpu.max; cpu.cfs_period_us",
			Prom: "container_spec_cpu_period",
			Help: "Length of an enforcement period (nanoseconds stored, microseconds in Prometheus as cAdvisor has it)."},
		MemCurrent: {Name: "memory.current", Unit: Bytes, Type: Gauge,
			Source: "memory.current; memory.usage_in_bytes", Prom: "container_memory_usage_bytes",
			DCOS: "mem.total mem.total_bytes", Help: "Memory in use, page cache included."},
		MemPeak: {Name: "memory.peak", Unit: Bytes, Type: Gauge,
			Source: "memory.peak; memory.max_usage_in_bytes", Prom: "container_memory_max_usage_bytes",
			Help: "Highest memory.current seen."},
		MemMax: {Name: "memory.max", Unit: Bytes, Type: Gauge,
			Source: "memory.max; memory.limit_in_bytes", Prom: "container_spec_memory_limit_bytes",
			DCOS: "mem.limit mem.limit_bytes", Help: "Hard limit."},
		MemHigh: {Name: "memory.high", Unit: Bytes, Type: Gauge, Source: "memory.high",
			Prom: "container_spec_memory_high_bytes", Help: "Throttling limit (v2)."},
		MemLow: {Name: "memory.low", Unit: Bytes, Type: Gauge, Source: "memory.low",
			Prom: "container_spec_memory_low_bytes", Help: "Best-effort protection (v2)."},
		MemMin: {Name: "memory.min", Unit: Bytes, Type: Gauge, Source: "memory.min",
			Prom: "container_spec_memory_min_bytes", Help: "Hard protection (v2)."},
		MemSoftLimit: {Name: "memory.soft_limit", Unit: Bytes, Type: Gauge,
			Source: "memory.soft_limit_in_bytes (v1)", Prom: "container_spec_memory_reservation_limit_bytes",
			DCOS: "mem.soft.limit mem.soft_limit_bytes", Help: "Soft limit (v1)."},
		MemFailcnt: {Name: "memory.failcnt", Unit: Count, Type: Counter,
			Source: "memory.failcnt (v1); memory.events max", Prom: "container_memory_failcnt",
			Help: "Times the hard limit was hit."},
		MemKernel: {Name: "memory.kernel", Unit: Bytes, Type: Gauge,
			Source: "memory.kmem.usage_in_bytes (v1); memory.stat kernel", Prom: "container_memory_kernel_usage",
			Help: "Kernel memory."},
		MemSwap: {Name: "memory.swap.current", Unit: Bytes, Type: Gauge,
			Source: "memory.swap.current; memory.stat swap (v1)", Prom: "container_memory_swap", DCOS: "mem.swap mem.swap_bytes",
			Help: "Swap in use."},
		MemSwapPeak: {Name: "memory.swap.peak", Unit: Bytes, Type: Gauge, Source: "memory.swap.peak",
			Help: "Highest memory.swap.current seen (v2)."},
		MemSwapMax: {Name: "memory.swap.max", Unit: Bytes, Type: Gauge, Source: "memory.swap.max",
			Prom: "container_spec_memory_swap_limit_bytes", Help: "Swap limit (v2)."},
		MemSwapHigh: {Name: "memory.swap.high", Unit: Bytes, Type: Gauge, Source: "memory.swap.high",
			Help: "Swap throttling limit (v2)."},
		MemSW: {Name: "memory.memsw.current", Unit: Bytes, Type: Gauge,
			Source: "memory.memsw.usage_in_bytes (v1)", Prom: "container_memory_memsw_usage_bytes",
			DCOS: "mem.total.memsw mem.total_memsw_bytes", Help: "Memory and swap together (v1)."},
		MemSWMax: {Name: "memory.memsw.max", Unit: Bytes, Type: Gauge,
			Source: "memory.memsw.limit_in_bytes (v1)", Prom: "container_spec_memory_memsw_limit_bytes",
			Help: "Limit of memory and swap together (v1)."},
		MemSWPeak: {Name: "memory.memsw.peak", Unit: Bytes, Type: Gauge,
			Source: "memory.memsw.max_usage_in_bytes (v1)", Help: "Highest memory.memsw.current seen (v1)."},
		MemTCP: {Name: "memory.kmem.tcp", Unit: Bytes, Type: Gauge,
			Source: "memory.kmem.tcp.usage_in_bytes (v1)", Help: "TCP buffers (v1)."},
		MemZswap: {Name: "memory.zswap.current", Unit: Bytes, Type: Gauge, Source: "memory.zswap.current",
			Help: "Memory taken by compressed swap (v2)."},
		MemZswapMax: {Name: "memory.zswap.max", Unit: Bytes, Type: Gauge, Source: "memory.zswap.max",
			Help: "Limit of memory.zswap.current (v2)."},
		MemEventLow: {Name: "memory.events.low", Unit: Count, Type: Counter, Source: "memory.events low",
			Help: "Reclaims below the low boundary."},
		MemEventHigh: {Name: "memory.events.high", Unit: Count, Type: Counter, Source: "memory.events high",
			Help: "Throttlings above the high boundary."},
		MemEventMax: {Name: "memory.events.max", Unit: Count, Type: Counter, Source: "memory.events max",
			Help: "Times usage was about to pass the hard limit."},
		MemEventOom: {Name: "memory.events.oom", Unit: Count, Type: Counter, Source: "memory.events oom",
			Help: "Times the limit was reached and allocation was about to fail."},
		MemEventOomKill: {Name: "memory.events.oom_kill", Unit: Count, Type: Counter,
			Source: "memory.events oom_kill; memory.oom_control oom_kill (v1)", Prom: "container_oom_events_total",
			Help: "Processes killed by the OOM killer."},
		MemEventOomGroupKill: {Name: "memory.events.oom_group_kill", Unit: Count, Type: Counter,
			Source: "memory.events oom_group_kill", Help: "Times the whole group was killed by the OOM killer."},
		SwapEventHigh: {Name: "memory.swap.events.high", Unit: Count, Type: Counter,
			Source: "memory.swap.events high", Help: "Swap events: high (v2)."},
		SwapEventMax: {Name: "memory.swap.events.max", Unit: Count, Type: Counter,
			Source: "memory.swap.events max", Help: "Swap events: max (v2)."},
		SwapEventFail: {Name: "memory.swap.events.fail", Unit: Count, Type: Counter,
			Source: "memory.swap.events fail", Help: "Swap events: fail (v2)."},
		PidsCurrent: {Name: "pids.current", Unit: Count, Type: Gauge, Source: "pids.current",
			Prom: "container_threads", Help: "Tasks (threads) in the group and below."},
		PidsMax: {Name: "pids.max", Unit: Count, Type: Gauge, Source: "pids.max",
			Prom: "container_threads_max", Help: "Limit of tasks."},
		PidsPeak: {Name: "pids.peak", Unit: Count, Type: Gauge, Source: "pids.peak",
			Help: "Highest pids.current seen."},
		PidsEventsMax: {Name: "pids.events.max", Unit: Count, Type: Counter, Source: "pids.events max",
			Help: "Forks that failed because the limit was hit."},
		Processes: {Name: "processes", Unit: Count, Type: Gauge, Source: "cgroup.procs",
			Prom: "container_processes", DCOS: "processes", Help: "Processes in the group itself."},
		Threads: {Name: "threads", Unit: Count, Type: Gauge, Source: "cgroup.threads; tasks (v1)",
			Prom: "container_group_threads", DCOS: "threads", Help: "Threads in the group itself."},
		Frozen: {Name: "frozen", Unit: Bool, Type: Gauge,
			Source: "cgroup.events frozen; freezer.state (v1)", Prom: "container_frozen", Help: "1 while the group is frozen."},
		Populated: {Name: "populated", Unit: Bool, Type: Gauge, Source: "cgroup.events populated",
			Help: "1 while the group or one below holds a process."},
		Created: {Name: "created", Unit: Seconds, Type: Gauge,
			Source: "the runtime; start of the oldest process", Prom: "container_start_time_seconds",
			Help: "Unix time at which the container, or the oldest process found in the group, was started."},
		PSICPUSome: {Name: "pressure.cpu.some", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.pressure some total", Prom: "container_pressure_cpu_waiting_seconds_total",
			Help: "Time that some tasks stalled on cpu."},
		PSICPUFull: {Name: "pressure.cpu.full", Unit: Nanoseconds, Type: Counter,
			Source: "cpu.pressure full total", Prom: "container_pressure_cpu_stalled_seconds_total",
			Help: "Time that all tasks stalled on cpu."},
		PSIMemorySome: {Name: "pressure.memory.some", Unit: Nanoseconds, Type: Counter,
			Source: "memory.pressure some total", Prom: "container_pressure_memory_waiting_seconds_total",
			Help: "Time that some tasks stalled on memory."},
		PSIMemoryFull: {Name: "pressure.memory.full", Unit: Nanoseconds, Type: Counter,
			Source: "memory.pressure full total", Prom: "container_pressure_memory_stalled_seconds_total",
			Help: "Time that all tasks stalled on memory."},
		PSIIOSome: {Name: "pressure.io.some", Unit: Nanoseconds, Type: Counter,
			Source: "io.pressure some total", Prom: "container_pressure_io_waiting_seconds_total",
			Help: "Time that some tasks stalled on io."},
		PSIIOFull: {Name: "pressure.io.full", Unit: Nanoseconds, Type: Counter,
			Source: "io.pressure full total", Prom: "container_pressure_io_stalled_seconds_total",
			Help: "Time that all tasks stalled on io."},
		PSIIRQFull: {Name: "pressure.irq.full", Unit: Nanoseconds, Type: Counter,
			Source: "irq.pressure full total", Prom: "container_pressure_irq_stalled_seconds_total",
			Help: "Time that all tasks stalled on irq."},
		StatAnon: {Name: "memory.stat.anon", Unit: Bytes, Type: Gauge,
			Source: "memory.stat anon; total_rss (v1)", Prom: "container_memory_rss", DCOS: "mem.rss mem.rss_bytes",
			Help: "Memory: anon, as in memory.stat."},
		StatFile: {Name: "memory.stat.file", Unit: Bytes, Type: Gauge,
			Source: "memory.stat file; total_cache (v1)", Prom: "container_memory_cache", DCOS: "mem.cache mem.cache_bytes",
			Help: "Memory: file, as in memory.stat."},
		StatKernel: {Name: "memory.stat.kernel", Unit: Bytes, Type: Gauge, Source: "memory.stat kernel",
			Help: "Memory: kernel, as in memory.stat."},
		StatKernelStack: {Name: "memory.stat.kernel_stack", Unit: Bytes, Type: Gauge,
			Source: "memory.stat kernel_stack", Help: "Memory: kernel_stack, as in memory.stat."},
		StatPagetables: {Name: "memory.stat.pagetables", Unit: Bytes, Type: Gauge,
			Source: "memory.stat pagetables", Help: "Memory: pagetables, as in memory.stat."},
		StatSecPagetables: {Name: "memory.stat.sec_pagetables", Unit: Bytes, Type: Gauge,
			Source: "memory.stat sec_pagetables", Help: "Memory: sec_pagetables, as in memory.stat."},
		StatPercpu: {Name: "memory.stat.percpu", Unit: Bytes, Type: Gauge, Source: "memory.stat percpu",
			Help: "Memory: percpu, as in memory.stat."},
		StatSock: {Name: "memory.stat.sock", Unit: Bytes, Type: Gauge, Source: "memory.stat sock",
			Help: "Memory: sock, as in memory.stat."},
		StatVmalloc: {Name: "memory.stat.vmalloc", Unit: Bytes, Type: Gauge, Source: "memory.stat vmalloc",
			Help: "Memory: vmalloc, as in memory.stat."},
		StatShmem: {Name: "memory.stat.shmem", Unit: Bytes, Type: Gauge,
			Source: "memory.stat shmem; total_shmem (v1)", Help: "Memory: shmem, as in memory.stat."},
		StatZswap: {Name: "memory.stat.zswap", Unit: Bytes, Type: Gauge, Source: "memory.stat zswap",
			Help: "Memory: zswap, as in memory.stat."},
		StatZswapped: {Name: "memory.stat.zswapped", Unit: Bytes, Type: Gauge, Source: "memory.stat zswapped",
			Help: "Memory: zswapped, as in memory.stat."},
		StatFileMapped: {Name: "memory.stat.file_mapped", Unit: Bytes, Type: Gauge,
			Source: "memory.stat file_mapped; total_mapped_file (v1)", Prom: "container_memory_mapped_file",
			DCOS: "mem.mapped.file mem.mapped_file_bytes", Help: "Memory: file_mapped, as in memory.stat."},
		StatFileDirty: {Name: "memory.stat.file_dirty", Unit: Bytes, Type: Gauge,
			Source: "memory.stat file_dirty; total_dirty (v1)", Prom: "container_memory_file_dirty_bytes",
			Help: "Memory: file_dirty, as in memory.stat."},
		StatFileWriteback: {Name: "memory.stat.file_writeback", Unit: Bytes, Type: Gauge,
			Source: "memory.stat file_writeback; total_writeback (v1)", Prom: "container_memory_file_writeback_bytes",
			Help: "Memory: file_writeback, as in memory.stat."},
		StatSwapcached: {Name: "memory.stat.swapcached", Unit: Bytes, Type: Gauge,
			Source: "memory.stat swapcached; total_swapcached (v1)", Help: "Memory: swapcached, as in memory.stat."},
		StatAnonThp: {Name: "memory.stat.anon_thp", Unit: Bytes, Type: Gauge,
			Source: "memory.stat anon_thp; total_rss_huge (v1)", Help: "Memory: anon_thp, as in memory.stat."},
		StatFileThp: {Name: "memory.stat.file_thp", Unit: Bytes, Type: Gauge, Source: "memory.stat file_thp",
			Help: "Memory: file_thp, as in memory.stat."},
		StatShmemThp: {Name: "memory.stat.shmem_thp", Unit: Bytes, Type: Gauge, Source: "memory.stat shmem_thp",
			Help: "Memory: shmem_thp, as in memory.stat."},
		StatInactiveAnon: {Name: "memory.stat.inactive_anon", Unit: Bytes, Type: Gauge,
			Source: "memory.stat inactive_anon; total_inactive_anon (v1)", Help: "Memory: inactive_anon, as in memory.stat."},
		StatActiveAnon: {Name: "memory.stat.active_anon", Unit: Bytes, Type: Gauge,
			Source: "memory.stat active_anon; total_active_anon (v1)", Help: "Memory: active_anon, as in memory.stat."},
		StatInactiveFile: {Name: "memory.stat.inactive_file", Unit: Bytes, Type: Gauge,
			Source: "memory.stat inactive_file; total_inactive_file (v1)", Prom: "container_memory_total_inactive_file_bytes",
			Help: "Memory: inactive_file, as in memory.stat."},
		StatActiveFile: {Name: "memory.stat.active_file", Unit: Bytes, Type: Gauge,
			Source: "memory.stat active_file; total_active_file (v1)", Prom: "container_memory_total_active_file_bytes",
			Help: "Memory: active_file, as in memory.stat."},
		StatUnevictable: {Name: "memory.stat.unevictable", Unit: Bytes, Type: Gauge,
			Source: "memory.stat unevictable; total_unevictable (v1)", DCOS: "mem.unevictable mem.unevictable_bytes",
			Help: "Memory: unevictable, as in memory.stat."},
		StatSlabReclaimable: {Name: "memory.stat.slab_reclaimable", Unit: Bytes, Type: Gauge,
			Source: "memory.stat slab_reclaimable", Help: "Memory: slab_reclaimable, as in memory.stat."},
		StatSlabUnreclaimable: {Name: "memory.stat.slab_unreclaimable", Unit: Bytes, Type: Gauge,
			Source: "memory.stat slab_unreclaimable", Help: "Memory: slab_unreclaimable, as in memory.stat."},
		StatSlab: {Name: "memory.stat.slab", Unit: Bytes, Type: Gauge, Source: "memory.stat slab",
			Help: "Memory: slab, as in memory.stat."},
		StatHugetlb: {Name: "memory.stat.hugetlb", Unit: Bytes, Type: Gauge, Source: "memory.stat hugetlb",
			Help: "Memory: hugetlb, as in memory.stat."},
		StatWorkingsetRefaultAnon: {Name: "memory.stat.workingset_refault_anon", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_refault_anon; total_workingset_refault_anon (v1)",
			Prom:   "container_memory_workingset_refault_anon_total",
			Help:   "Events: workingset_refault_anon, as in memory.stat."},
		StatWorkingsetRefaultFile: {Name: "memory.stat.workingset_refault_file", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_refault_file; total_workingset_refault_file (v1)",
			Prom:   "container_memory_workingset_refault_file_total",
			Help:   "Events: workingset_refault_file, as in memory.stat."},
		StatWorkingsetActivateAnon: {Name: "memory.stat.workingset_activate_anon", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_activate_anon", Help: "Events: workingset_activate_anon, as in memory.stat."},
		StatWorkingsetActivateFile: {Name: "memory.stat.workingset_activate_file", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_activate_file", Help: "Events: workingset_activate_file, as in memory.stat."},
		StatWorkingsetRestoreAnon: {Name: "memory.stat.workingset_restore_anon", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_restore_anon", Help: "Events: workingset_restore_anon, as in memory.stat."},
		StatWorkingsetRestoreFile: {Name: "memory.stat.workingset_restore_file", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_restore_file", Help: "Events: workingset_restore_file, as in memory.stat."},
		StatWorkingsetNodereclaim: {Name: "memory.stat.workingset_nodereclaim", Unit: Count, Type: Counter,
			Source: "memory.stat workingset_nodereclaim", Help: "Events: workingset_nodereclaim, as in memory.stat."},
		StatPgdemoteKswapd: {Name: "memory.stat.pgdemote_kswapd", Unit: Count, Type: Counter,
			Source: "memory.stat pgdemote_kswapd", Help: "Events: pgdemote_kswapd, as in memory.stat."},
		StatPgdemoteDirect: {Name: "memory.stat.pgdemote_direct", Unit: Count, Type: Counter,
			Source: "memory.stat pgdemote_direct", Help: "Events: pgdemote_direct, as in memory.stat."},
		StatPgdemoteKhugepaged: {Name: "memory.stat.pgdemote_khugepaged", Unit: Count, Type: Counter,
			Source: "memory.stat pgdemote_khugepaged", Help: "Events: pgdemote_khugepaged, as in memory.stat."},
		StatPgdemoteProactive: {Name: "memory.stat.pgdemote_proactive", Unit: Count, Type: Counter,
			Source: "memory.stat pgdemote_proactive", Help: "Events: pgdemote_proactive, as in memory.stat."},
		StatPgpromoteSuccess: {Name: "memory.stat.pgpromote_success", Unit: Count, Type: Counter,
			Source: "memory.stat pgpromote_success", Help: "Events: pgpromote_success, as in memory.stat."},
		StatPgscan: {Name: "memory.stat.pgscan", Unit: Count, Type: Counter, Source: "memory.stat pgscan",
			Prom: "container_memory_pgscan_total", Help: "Events: pgscan, as in memory.stat."},
		StatPgsteal: {Name: "memory.stat.pgsteal", Unit: Count, Type: Counter, Source: "memory.stat pgsteal",
			Prom: "container_memory_pgsteal_total", Help: "Events: pgsteal, as in memory.stat."},
		StatPgscanKswapd: {Name: "memory.stat.pgscan_kswapd", Unit: Count, Type: Counter,
			Source: "memory.stat pgscan_kswapd", Help: "Events: pgscan_kswapd, as in memory.stat."},
		StatPgscanDirect: {Name: "memory.stat.pgscan_direct", Unit: Count, Type: Counter,
			Source: "memory.stat pgscan_direct", Help: "Events: pgscan_direct, as in memory.stat."},
		StatPgscanKhugepaged: {Name: "memory.stat.pgscan_khugepaged", Unit: Count, Type: Counter,
			Source: "memory.stat pgscan_khugepaged", Help: "Events: pgscan_khugepaged, as in memory.stat."},
		StatPgscanProactive: {Name: "memory.stat.pgscan_proactive", Unit: Count, Type: Counter,
			Source: "memory.stat pgscan_proactive", Help: "Events: pgscan_proactive, as in memory.stat."},
		StatPgstealKswapd: {Name: "memory.stat.pgsteal_kswapd", Unit: Count, Type: Counter,
			Source: "memory.stat pgsteal_kswapd", Help: "Events: pgsteal_kswapd, as in memory.stat."},
		StatPgstealDirect: {Name: "memory.stat.pgsteal_direct", Unit: Count, Type: Counter,
			Source: "memory.stat pgsteal_direct", Help: "Events: pgsteal_direct, as in memory.stat."},
		StatPgstealKhugepaged: {Name: "memory.stat.pgsteal_khugepaged", Unit: Count, Type: Counter,
			Source: "memory.stat pgsteal_khugepaged", Help: "Events: pgsteal_khugepaged, as in memory.stat."},
		StatPgstealProactive: {Name: "memory.stat.pgsteal_proactive", Unit: Count, Type: Counter,
			Source: "memory.stat pgsteal_proactive", Help: "Events: pgsteal_proactive, as in memory.stat."},
		StatPgfault: {Name: "memory.stat.pgfault", Unit: Count, Type: Counter,
			Source: "memory.stat pgfault; total_pgfault (v1)",
			Prom:   `container_memory_failures_total{failure_type="pgfault",scope="hierarchy"}`,
			Help:   "Events: pgfault, as in memory.stat."},
		StatPgmajfault: {Name: "memory.stat.pgmajfault", Unit: Count, Type: Counter,
			Source: "memory.stat pgmajfault; total_pgmajfault (v1)",
			Prom:   `container_memory_failures_total{failure_type="pgmajfault",scope="hierarchy"}`,
			Help:   "Events: pgmajfault, as in memory.stat."},
		StatPgrefill: {Name: "memory.stat.pgrefill", Unit: Count, Type: Counter, Source: "memory.stat pgrefill",
			Help: "Events: pgrefill, as in memory.stat."},
		StatPgactivate: {Name: "memory.stat.pgactivate", Unit: Count, Type: Counter,
			Source: "memory.stat pgactivate", Help: "Events: pgactivate, as in memory.stat."},
		StatPgdeactivate: {Name: "memory.stat.pgdeactivate", Unit: Count, Type: Counter,
			Source: "memory.stat pgdeactivate", Help: "Events: pgdeactivate, as in memory.stat."},
		StatPglazyfree: {Name: "memory.stat.pglazyfree", Unit: Count, Type: Counter,
			Source: "memory.stat pglazyfree", Help: "Events: pglazyfree, as in memory.stat."},
		StatPglazyfreed: {Name: "memory.stat.pglazyfreed", Unit: Count, Type: Counter,
			Source: "memory.stat pglazyfreed", Help: "Events: pglazyfreed, as in memory.stat."},
		StatSwpinZero: {Name: "memory.stat.swpin_zero", Unit: Count, Type: Counter,
			Source: "memory.stat swpin_zero", Help: "Events: swpin_zero, as in memory.stat."},
		StatSwpoutZero: {Name: "memory.stat.swpout_zero", Unit: Count, Type: Counter,
			Source: "memory.stat swpout_zero", Help: "Events: swpout_zero, as in memory.stat."},
		StatZswpin: {Name: "memory.stat.zswpin", Unit: Count, Type: Counter, Source: "memory.stat zswpin",
			Help: "Events: zswpin, as in memory.stat."},
		StatZswpout: {Name: "memory.stat.zswpout", Unit: Count, Type: Counter, Source: "memory.stat zswpout",
			Help: "Events: zswpout, as in memory.stat."},
		StatZswpwb: {Name: "memory.stat.zswpwb", Unit: Count, Type: Counter, Source: "memory.stat zswpwb",
			Help: "Events: zswpwb, as in memory.stat."},
		StatThpFaultAlloc: {Name: "memory.stat.thp_fault_alloc", Unit: Count, Type: Counter,
			Source: "memory.stat thp_fault_alloc", Help: "Events: thp_fault_alloc, as in memory.stat."},
		StatThpCollapseAlloc: {Name: "memory.stat.thp_collapse_alloc", Unit: Count, Type: Counter,
			Source: "memory.stat thp_collapse_alloc", Help: "Events: thp_collapse_alloc, as in memory.stat."},
		StatThpSwpout: {Name: "memory.stat.thp_swpout", Unit: Count, Type: Counter,
			Source: "memory.stat thp_swpout", Help: "Events: thp_swpout, as in memory.stat."},
		StatThpSwpoutFallback: {Name: "memory.stat.thp_swpout_fallback", Unit: Count, Type: Counter,
			Source: "memory.stat thp_swpout_fallback", Help: "Events: thp_swpout_fallback, as in memory.stat."},
		StatNumaPagesMigrated: {Name: "memory.stat.numa_pages_migrated", Unit: Count, Type: Counter,
			Source: "memory.stat numa_pages_migrated", Help: "Events: numa_pages_migrated, as in memory.stat."},
		StatNumaPteUpdates: {Name: "memory.stat.numa_pte_updates", Unit: Count, Type: Counter,
			Source: "memory.stat numa_pte_updates", Help: "Events: numa_pte_updates, as in memory.stat."},
		StatNumaHintFaults: {Name: "memory.stat.numa_hint_faults", Unit: Count, Type: Counter,
			Source: "memory.stat numa_hint_faults", Help: "Events: numa_hint_faults, as in memory.stat."},
		StatNumaTaskMigrated: {Name: "memory.stat.numa_task_migrated", Unit: Count, Type: Counter,
			Source: "memory.stat numa_task_migrated", Help: "Events: numa_task_migrated, as in memory.stat."},
		StatNumaTaskSwapped: {Name: "memory.stat.numa_task_swapped", Unit: Count, Type: Counter,
			Source: "memory.stat numa_task_swapped", Help: "Events: numa_task_swapped, as in memory.stat."},
		StatPgpgin: {Name: "memory.stat.pgpgin", Unit: Count, Type: Counter,
			Source: "memory.stat total_pgpgin (v1)", Help: "Events: pgpgin, as in memory.stat."},
		StatPgpgout: {Name: "memory.stat.pgpgout", Unit: Count, Type: Counter,
			Source: "memory.stat total_pgpgout (v1)", Help: "Events: pgpgout, as in memory.stat."},
		FailuresPgfault: {Name: "memory.failures.pgfault", Unit: Count, Type: Counter,
			Source: "memory.stat pgfault; memory.stat own pgfault (v1)",
			Prom:   `container_memory_failures_total{failure_type="pgfault",scope="container"}`,
			Help:   "Page faults: on cgroup v1 those of the group itself; v2 counts them with those of the groups below only."},
		FailuresPgmajfault: {Name: "memory.failures.pgmajfault", Unit: Count, Type: Counter,
			Source: "memory.stat pgmajfault; memory.stat own pgmajfault (v1)",
			Prom:   `container_memory_failures_total{failure_type="pgmajfault",scope="container"}`,
			Help: "Major page faults: on cgroup v1 those of the group itself; v2 counts them with those of the groups below " +
				"only."},
	})
}
