package journal

// printable reports whether journalctl takes a value for text: valid UTF-8
// without surrogates and noncharacters, and without control characters but tab
// and, if newline is set, newline. Source: utf8_is_printable_newline in
// systemd's src/basic/utf8.c.
func printable(p []byte, newline bool) bool {
	for i := 0; i < len(p); {
		c := p[i]
		if c < 0x80 {
			if c < ' ' && c != '\t' && (c != '\n' || !newline) || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := decodeRune(p[i:])
		if n == 0 || r >= 0x80 && r <= 0x9f {
			return false
		}
		i += n
	}
	return true
}

// decodeRune decodes a character of two bytes or more; n is 0 if it is none
// that systemd takes for valid.
func decodeRune(p []byte) (r rune, n int) {
	switch c := p[0]; {
	case c&0xe0 == 0xc0:
		r, n = rune(c&0x1f), 2
	case c&0xf0 == 0xe0:
		r, n = rune(c&0x0f), 3
	case c&0xf8 == 0xf0:
		r, n = rune(c&0x07), 4
	default:
		return 0, 0
	}
	if len(p) < n {
		return 0, 0
	}
	for _, c := range p[1:n] {
		if c&0xc0 != 0x80 {
			return 0, 0
		}
		r = r<<6 | rune(c&0x3f)
	}
	shortest := [...]rune{2: 0x80, 3: 0x800, 4: 0x10000}
	if r < shortest[n] || r > 0x10ffff || r >= 0xd800 && r <= 0xdfff ||
		r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
		return 0, 0
	}
	return r, n
}
