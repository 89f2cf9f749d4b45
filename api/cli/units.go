package cli

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// absent is printed for a value that does not exist.
const absent = "-"

// formatBytes formats a number of bytes in binary units: "1.50MiB".
func formatBytes(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for ; math.Abs(v) >= 1000 && i < len(units)-1; i++ {
		v /= 1024
	}
	return formatNumber(v, i == 0) + units[i]
}

// formatNumber formats v with three significant digits, or as an integer.
func formatNumber(v float64, whole bool) string {
	digits := 2
	switch a := math.Abs(v); {
	case whole || a >= 99.95:
		digits = 0
	case a >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// bytesOf formats *v bytes, or absent.
func bytesOf(v *int64) string {
	if v == nil {
		return absent
	}
	return formatBytes(float64(*v))
}

// countOf formats the count *v, or absent.
func countOf(v *int64) string {
	if v == nil {
		return absent
	}
	return strconv.FormatInt(*v, 10)
}

// numberOf formats *v with three significant digits, or absent.
func numberOf(v *float64) string {
	if v == nil {
		return absent
	}
	return formatNumber(*v, false)
}

// formatCores formats *v cores, "0.052" or "12.3", or absent.
func formatCores(v *float64) string {
	if v == nil {
		return absent
	}
	if *v < 0.9995 {
		return strconv.FormatFloat(*v, 'f', 3, 64)
	}
	return formatNumber(*v, false)
}

// formatPercent formats part of whole: "12.3%".
func formatPercent(part, whole float64) string {
	if whole <= 0 {
		return absent
	}
	return fmt.Sprintf("%.1f%%", 100*part/whole)
}

// formatDuration formats a duration in its two largest units: "3d4h", "5m10s",
// "12s".
func formatDuration(d time.Duration) string {
	d = max(d, 0)
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd%dh", s/86400, s%86400/3600)
}

// formatCount formats a count with three significant digits: "950", "12.3k",
// "4.56M".
func formatCount(v float64) string {
	if math.IsNaN(v) {
		return absent
	}
	units := []string{"", "k", "M", "G", "T", "P"}
	i := 0
	for ; math.Abs(v) >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	return formatNumber(v, i == 0 && v == math.Trunc(v)) + units[i]
}

// formatRate formats a rate per second, which is absent until there are two ticks.
func formatRate(v *float64) string { return formatCount(orNaN(v)) }

// formatInt formats an exact count.
func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
