package logfile

import "time"

// parseTime parses a time of RFC 3339 with up to nine digits of the second, as
// nanoseconds since 1970. It takes years from 1970 to 2261, which is what fits.
func parseTime(b []byte) (ns int64, ok bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	ok = true
	two := func(i int) int {
		hi, lo := b[i]-'0', b[i+1]-'0'
		ok = ok && hi <= 9 && lo <= 9
		return int(hi)*10 + int(lo)
	}
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if !ok || year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	i := 19
	if b[i] == '.' {
		first := i + 1
		unit := int64(time.Second)
		for i = first; i < len(b) && b[i]-'0' <= 9; i++ {
			if unit /= 10; unit == 0 {
				return 0, false
			}
			ns += int64(b[i]-'0') * unit
		}
		if i == first {
			return 0, false
		}
	}
	zone := 0
	switch rest := b[i:]; {
	case len(rest) == 1 && rest[0] == 'Z':
	case len(rest) == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		hours, minutes := two(i+1), two(i+4)
		if !ok || hours > 23 || minutes > 59 {
			return 0, false
		}
		if zone = (hours*60 + minutes) * 60; rest[0] == '-' {
			zone = -zone
		}
	default:
		return 0, false
	}
	seconds := daysSince1970(year, month, day)*86400 + int64(hour*3600+minute*60+second-zone)
	return seconds*int64(time.Second) + ns, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar, with years that begin in
// March so that the leap day is the last one.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	y := int64(year)
	return 365*y + y/4 - y/100 + y/400 + int64(153*(month-3)+2)/5 + int64(day) - 719469
}
