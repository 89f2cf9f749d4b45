package logfile

import "bytes"

// parseCRI parses a line of the format that the Kubernetes container runtime
// interface has for logs: "<time> <stream> <tags> <text>", where the tags are
// separated by colons and the first one is P for a piece or F for the end of a line.
// Source: k8s.io/kubernetes/pkg/kubelet/kuberuntime/logs, conmon's src/ctr_logging.c.
func parseCRI(b []byte, r *record) error {
	when, b, _ := bytes.Cut(b, space)
	stream, b, _ := bytes.Cut(b, space)
	tags, text, _ := bytes.Cut(b, space)
	var ok bool
	if r.time, ok = parseTime(when); !ok {
		return errNotARecord
	}
	if r.stream, ok = streamOf(stream); !ok {
		return errNotARecord
	}
	tag, _, _ := bytes.Cut(tags, colon)
	if len(tag) != 1 || tag[0] != 'P' && tag[0] != 'F' {
		return errNotARecord
	}
	r.partial, r.text, r.attrs = tag[0] == 'P', text, nil
	return nil
}

var space, colon = []byte{' '}, []byte{':'}
