package cli

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// absent is shown for what the kernel does not offer.
const absent = "-"

// bytesText is a number of bytes in binary units: "1.5MiB".
func bytesText(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for ; math.Abs(v) >= 1000 && i < len(units)-1; i++ {
		v /= 1024
	}
	return number(v, i == 0) + units[i]
}

// number has three digits that count.
func number(v float64, whole bool) string {
	digits := 2
	switch a := math.Abs(v); {
	case whole || a >= 99.95:
		digits = 0
	case a >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

func bytesOf(v *int64) string {
	if v == nil {
		return absent
	}
	return bytesText(float64(*v))
}

func countOf(v *int64) string {
	if v == nil {
		return absent
	}
	return strconv.FormatInt(*v, 10)
}

func numberOf(v *float64) string {
	if v == nil {
		return absent
	}
	return number(*v, false)
}

// coresOf is a number of cores: "0.052", "12.3".
func coresOf(v *float64) string {
	if v == nil {
		return absent
	}
	if *v < 0.9995 {
		return strconv.FormatFloat(*v, 'f', 3, 64)
	}
	return number(*v, false)
}

// percent is part of whole: "12.3%".
func percent(part, whole float64) string {
	if whole <= 0 {
		return absent
	}
	return fmt.Sprintf("%.1f%%", 100*part/whole)
}

// since is a span in its two largest units: "3d4h", "5m10s", "12s".
func since(d time.Duration) string {
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
