package containers

import "bytes"

// hierarchies returns the mount points of the cgroup hierarchies, v2 first, and the
// mount point of the one that counts processes ("" if none does).
func (p procfs) hierarchies() (roots []string, pids string) {
	b, err := readBounded(string(p)+"/self/mountinfo", 4<<20)
	if err != nil {
		return nil, ""
	}
	var v1, v2 []string
	for line := range bytes.Lines(b) {
		pre, post, _ := bytes.Cut(line, []byte(" - "))
		f, t := bytes.Fields(pre), bytes.Fields(post)
		switch {
		case len(f) < 5 || len(t) < 1 || string(f[3]) != "/":
		case string(t[0]) == "cgroup2":
			v2 = append(v2, string(f[4]))
			if pids == "" {
				pids = v2[0]
			}
		case string(t[0]) == "cgroup":
			v1 = append(v1, string(f[4]))
			for o := range bytes.SplitSeq(t[len(t)-1], []byte(",")) {
				if string(o) == "pids" {
					pids = string(f[4])
				}
			}
		}
	}
	return append(v2, v1...), pids
}
