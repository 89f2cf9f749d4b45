package applets

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func init() {
	add("sleep", sleep)
	add("yes", yes)
}

// sleep sleeps: for seconds, or for s, m, h or d.
func sleep(args []string) int {
	var total time.Duration
	for _, a := range args {
		d, err := seconds(a)
		if err != nil {
			return complain("sleep", err)
		}
		total += d
	}
	time.Sleep(total)
	return 0
}

// seconds parses a time as sleep(1) and others take it.
func seconds(text string) (time.Duration, error) {
	unit := time.Second
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	for suffix, u := range units {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = n, u
			break
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || n > 1e9 {
		return 0, fmt.Errorf("%q is no time", text)
	}
	return time.Duration(n * float64(unit)), nil
}

// yes prints a line again and again.
func yes(args []string) int {
	line := "y\n"
	if len(args) > 0 {
		line = strings.Join(args, " ") + "\n"
	}
	b := []byte(strings.Repeat(line, 1+4096/len(line)))
	for {
		if _, err := os.Stdout.Write(b); err != nil {
			return 1
		}
	}
}
