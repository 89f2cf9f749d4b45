package cli

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/daytwo/daytwo/api/timespec"
)

// defaultLines is how many past entries are printed if nothing says how many, as the
// dcos command line has it.
const defaultLines = 10

// logOptions holds the flags of the commands that print logs.
type logOptions struct {
	fs                 *pflag.FlagSet
	follow, all        bool
	completed          bool // also tasks that have ended; of task log
	reverse, noPager   bool
	lines              lineCount
	since, until, boot string
	priority, grep     string
	units, filters     []string
	identifiers        []string
	dmesg              bool
	sources            map[string]*[]string // by the parameter: task, container, …; nil without such flags
	color              string
	out                *output
}

// logFlags registers the flags. format is the default of -o.
func logFlags(fs *pflag.FlagSet, format string) *logOptions {
	o := &logOptions{fs: fs, lines: defaultLines}
	fs.SortFlags = false
	fs.BoolVarP(&o.follow, "follow", "f", false,
		"also wait for new entries and print them, until interrupted, or until the tasks that are named have ended")
	fs.VarP(&o.lines, "lines", "n",
		"print the newest `N` entries, or all; all of them with --since, --until or --boot, unless N is given")
	fs.BoolVar(&o.all, "all", false, "print all entries")
	fs.StringVarP(&o.since, "since", "S", "",
		"print entries from `TIME` on: \"2026-01-02 03:04:05\", today, yesterday, -1h, \"20min ago\", @SECONDS")
	fs.StringVarP(&o.until, "until", "U", "", "print entries up to `TIME`")
	fs.StringVarP(&o.boot, "boot", "b", "",
		"print entries of the boot `ID`, or 0 (the current one), -1 (the one before), …")
	fs.Lookup("boot").NoOptDefVal = "0"
	fs.StringVarP(&o.priority, "priority", "p", "",
		"print entries of `PRIORITY` or more important: emerg, alert, crit, err, warning, notice, info, debug, 0 to 7, "+
			"or FROM..TO")
	fs.StringVarP(&o.grep, "grep", "g", "",
		"print entries whose message matches the regular expression `PATTERN`; case matters only if it has capitals")
	fs.StringArrayVarP(&o.units, "unit", "u", nil,
		"print entries of the systemd unit `UNIT`, which may be a pattern; with --follow it need not be there yet; "+
			"repeatable")
	fs.StringArrayVar(&o.units, "component", nil, "same as --unit `UNIT`")
	fs.StringArrayVarP(&o.identifiers, "identifier", "t", nil,
		"print entries of the syslog identifier `NAME`; repeatable")
	fs.BoolVarP(&o.dmesg, "dmesg", "k", false, "print what the kernel logged, of the current boot unless --boot is given")
	fs.StringArrayVar(&o.filters, "filter", nil,
		"print entries with `FIELD=VALUE` (or FIELD:VALUE); values of one field are alternatives; repeatable")
	fs.BoolVarP(&o.reverse, "reverse", "r", false, "print the newest entries first")
	fs.StringVar(&o.color, "color", "auto", "colour lines by priority and task: `WHEN` is auto, always or never")
	fs.BoolVar(&o.noPager, "no-pager", false, "do not show the output in a pager ($DAYTWO_PAGER, $PAGER or less)")
	formats := []string{format}
	for _, f := range []string{
		"short", "short-iso", "short-precise", "with-unit", "cat", "json", "json-pretty", "export",
	} {
		if f != format {
			formats = append(formats, f)
		}
	}
	o.out = outputFlags(fs, formats...)
	return o
}

func (o *logOptions) check() error {
	if err := o.out.check(); err != nil {
		return err
	}
	usage := func(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
	for name, s := range map[string]string{"since": o.since, "until": o.until} {
		if s == "" {
			continue
		}
		if _, err := timespec.Parse(s, time.Now()); err != nil {
			return usage("--%s: %w", name, err)
		}
	}
	if _, err := regexp.Compile(o.grep); err != nil {
		return usage("--grep: %w", err)
	}
	if _, err := o.matches(); err != nil {
		return usage("%w", err)
	}
	switch {
	case o.all && o.fs.Changed("lines"):
		return usage("--all and --lines exclude each other")
	case o.follow && o.reverse:
		return usage("--follow and --reverse exclude each other")
	case o.follow && o.until != "":
		return usage("--follow and --until exclude each other")
	case o.color != "auto" && o.color != "always" && o.color != "never":
		return usage("--color %s: give auto, always or never", o.color)
	}
	return nil
}

// unlimited reports whether every entry that matches is wanted.
func (o *logOptions) unlimited() bool {
	return o.all || o.lines == allLines ||
		!o.fs.Changed("lines") && (o.since != "" || o.until != "" || o.boot != "" || o.dmesg)
}

// values returns the parameters of /api/v1/logs. Times are made absolute here, since
// "today" means the user's day.
func (o *logOptions) values() url.Values {
	v := url.Values{}
	now := time.Now()
	for name, s := range map[string]string{"since": o.since, "until": o.until} {
		if s == "" {
			continue
		}
		if t, err := timespec.Parse(s, now); err == nil { // else check has refused it
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	boot := o.boot
	if o.dmesg && boot == "" {
		boot = "0"
	}
	for name, s := range map[string]string{"boot": boot, "priority": o.priority, "grep": ignoreCase(o.grep)} {
		if s != "" {
			v.Set(name, s)
		}
	}
	for _, u := range o.units {
		v.Add("unit", u)
	}
	v["match"], _ = o.matches() // check has refused what is wrong
	for name, list := range o.sources {
		v[name] = *list
	}
	if o.unlimited() {
		v.Set("limit", "all")
	} else {
		v.Set("limit", o.lines.String())
		if !o.reverse {
			v.Set("tail", "true")
		}
	}
	if o.reverse {
		v.Set("order", "desc")
	}
	if o.follow {
		v.Set("follow", "true")
	}
	return v
}

// bootOffset is what -b takes as an argument of its own: an offset or an id.
var bootOffset = regexp.MustCompile(`^(?:[+-]?[0-9]{1,9}|[0-9a-f]{32})$`)

// joinBoot joins -b and an offset behind it, as journalctl does: the flag alone has a meaning
// too, so that pflag would take "-1" for another flag.
func joinBoot(args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return append(out, args[i:]...)
		case (a == "-b" || a == "--boot") && i+1 < len(args) && bootOffset.MatchString(args[i+1]):
			i++
			out = append(out, "--boot="+args[i])
		default:
			out = append(out, a)
		}
	}
	return out
}

// ignoreCase returns a pattern that ignores case if it has no capitals, as journalctl
// --grep does.
func ignoreCase(pattern string) string {
	if pattern == "" || strings.ToLower(pattern) != pattern {
		return pattern
	}
	return "(?i)" + pattern
}
