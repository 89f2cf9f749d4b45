package rig

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Page loads a web page in a browser, lets its scripts run for a time, which is the page's own
// and passes faster than the clock, and returns the document as it is then, as HTML.
func Page(t testing.TB, url string, scripts time.Duration) (string, error) {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium-headless-shell", "chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		Missing(t, "a browser", "no chromium-headless-shell, chromium or google-chrome in $PATH",
			"apt-get install chromium-headless-shell")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget="+strconv.FormatInt(scripts.Milliseconds(), 10),
		"--dump-dom", url)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", browser, err, lastLines(errs.Bytes()))
	}
	return string(out), nil
}
