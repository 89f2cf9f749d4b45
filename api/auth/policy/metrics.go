package policy

import (
	"fmt"
	"io"
)

// WriteMetrics writes metrics in Prometheus' text format 0.0.4.
func (f *File) WriteMetrics(w io.Writer) {
	f.mu.Lock()
	ok, loaded, reloads := 1, f.loaded, f.reloads
	if f.refused != "" {
		ok = 0
	}
	f.mu.Unlock()
	p := f.Policy()
	one := func(name, help string, v any) {
		fmt.Fprintf(w, "# HELP daytwo_policy_%s %s\n# TYPE daytwo_policy_%s gauge\n", name, help, name)
		fmt.Fprintf(w, "daytwo_policy_%s %v\n", name, v)
	}
	one("config_ok", "1 if the policy file is in use as it is, 0 if it is refused and the one before stays.", ok)
	one("rules", "Rules of the policy in use.", len(p.rules))
	one("loaded_timestamp_seconds", "When the policy in use was loaded.", loaded.Unix())
	one("principals", "Principals for which the policy in use is compiled.", p.cache.principals())
	fmt.Fprint(w, "# HELP daytwo_policy_reloads_total Changes of the policy file, by what became of them.\n"+
		"# TYPE daytwo_policy_reloads_total counter\n")
	for i, result := range []string{"loaded", "refused"} {
		fmt.Fprintf(w, "daytwo_policy_reloads_total{result=%q} %d\n", result, reloads[i])
	}
}
