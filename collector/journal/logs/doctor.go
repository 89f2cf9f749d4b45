package logs

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/collector/journal"
)

// Doctor reports whether the journal can be read, whether it survives a restart, and how
// much journald takes of one service. It changes nothing.
func Doctor(dirs []string) []health.Check {
	j := journal.Open(journal.Options{Dirs: dirs, Log: slog.New(slog.DiscardHandler)})
	defer j.Close()
	checks := []health.Check{checkJournal(j)}
	if j.Len() > 0 {
		n, err := j.Told()
		checks = append(checks, checkTold(n, err))
	}
	if len(dirs) == 0 || slices.Contains(dirs, persistentDir) {
		checks = append(checks, checkPersistent(), checkRateLimit(journaldConfigs()))
	}
	return checks
}

const persistentDir = "/var/log/journal"

func checkJournal(j *journal.Journal) health.Check {
	c := health.Check{Name: "journal", State: health.OK, Detail: fmt.Sprintf("%d files can be read", j.Len())}
	bad := j.Bad()
	switch {
	case len(bad) > 0:
		c.State = health.Warn
		c.Detail += fmt.Sprintf(", and %d cannot: %v", len(bad), bad[0])
		c.Fix = "run the collector as root or in the group systemd-journal; remove files that are corrupt"
		if errors.Is(bad[0], journal.ErrHeld) {
			c.Fix = "check its mount (findmnt -T DIRECTORY), and the server behind it"
		}
	case j.Len() == 0:
		c.State = health.Warn
		c.Detail = "there are no journal files: no logs are answered but those of container log files"
		c.Fix = "start systemd-journald, or name its directories with --journal"
	}
	return c
}

// checkTold reports whether followers are told of new entries or have to look for them.
func checkTold(n int, err error) health.Check {
	c := health.Check{Name: "following the journal", State: health.OK,
		Detail: "the kernel tells when journald has written"}
	const costs = ": files are looked at each 5 or 10 ms while somebody follows, at 1% of a core"
	switch {
	case err != nil:
		c.State, c.Detail = health.Warn, fmt.Sprintf("the kernel does not tell when journald has written (%v)%s", err, costs)
		c.Fix = "run the collector as root, or with CAP_PERFMON and CAP_SYS_PTRACE"
	case n == 0:
		c.Detail = "no journald is seen that writes here" + costs
	}
	return c
}

func checkPersistent() health.Check {
	c := health.Check{Name: "journal on disk", State: health.OK, Detail: persistentDir}
	if files, _ := filepath.Glob(persistentDir + "/*/*.journal"); len(files) == 0 {
		c.State, c.Detail = health.Warn, "the journal is in memory alone: a restart of the machine loses it"
		c.Fix = "mkdir -p " + persistentDir + " && journalctl --flush, or set Storage=persistent in journald.conf"
	}
	return c
}

// journaldConfigs returns the files that configure journald, in the order in which they
// take effect (journald.conf(5)).
func journaldConfigs() []string {
	files := []string{"/usr/lib/systemd/journald.conf", "/etc/systemd/journald.conf"}
	byName := map[string]string{}
	for _, dir := range []string{"/usr/lib", "/usr/local/lib", "/run", "/etc"} {
		found, _ := filepath.Glob(dir + "/systemd/journald.conf.d/*.conf")
		for _, f := range found {
			byName[filepath.Base(f)] = f
		}
	}
	var names []string
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, byName[name])
	}
	return files
}

// checkRateLimit reports how many entries of one service journald takes.
func checkRateLimit(configs []string) health.Check {
	interval, burst := "30s", "10000"
	for _, path := range configs {
		f, err := os.Open(path)
		if err != nil {
			continue // it is not there, or nobody's business
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			key, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), "=")
			switch strings.TrimSpace(key) {
			case "RateLimitIntervalSec", "RateLimitInterval":
				interval = strings.TrimSpace(value)
			case "RateLimitBurst":
				burst = strings.TrimSpace(value)
			}
		}
		f.Close()
	}
	c := health.Check{Name: "journald's rate limit", State: health.OK}
	if strings.Trim(interval, "0") == "" || strings.Trim(burst, "0") == "" {
		c.Detail = "off: journald takes whatever services write"
		return c
	}
	c.Detail = fmt.Sprintf("RateLimitBurst=%s in RateLimitIntervalSec=%s: what a service writes beyond is suppressed, "+
		"and shown as an event", burst, interval)
	return c
}
