package host

import "github.com/daytwo/daytwo/api/metric"

// singleFile is a file that holds one number.
type singleFile struct {
	file   *file
	column int
}

// newSingles returns the files that hold one number. proc is the path of /proc.

func newSingles(proc string, ns netNS) []singleFile {
	all := []singleFile{
		{newFile(proc + "/sys/kernel/pid_max"), metric.HostProcessesMax},
		{newFile(proc + "/sys/kernel/threads-max"), metric.HostThreadsMax},
		{newFile(proc + "/sys/kernel/random/entropy_avail"), metric.HostEntropy},
		{newFile(proc + "/sys/kernel/random/poolsize"), metric.HostEntropyPool},
	}
	if ns.own {
		// A sysctl shows the collector's own network namespace, whatever its path.
		all = append(all,
			singleFile{newFile(proc + "/sys/net/netfilter/nf_conntrack_count"), metric.HostConntrack},
			singleFile{newFile(proc + "/sys/net/netfilter/nf_conntrack_max"), metric.HostConntrackMax})
	}
	return all
}

func (s *singleFile) read(buf *[]byte, host []int64) {
	if b := s.file.read(buf); b != nil {
		line, _ := nextLine(b)
		f, _ := nextField(line)
		host[s.column] = scaled(f, 1)
	}
}
