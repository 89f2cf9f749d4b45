package line

import "bytes"

// Next cuts the first line off a packet, without a carriage return at its end. It skips
// blank lines. line is empty only if no line is left.
func Next(packet []byte) (line, rest []byte) {
	for len(packet) > 0 {
		end := bytes.IndexByte(packet, '\n')
		if end < 0 {
			line, packet = packet, nil
		} else {
			line, packet = packet[:end], packet[end+1:]
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) > 0 {
			return line, packet
		}
	}
	return nil, nil
}

// Count returns the number of lines that Next finds in a packet.
func Count(packet []byte) (n int) {
	for {
		l, rest := Next(packet)
		if len(l) == 0 {
			return n
		}
		packet = rest
		n++
	}
}
