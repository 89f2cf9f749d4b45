package entry

// Peek returns the header of a message, whose checksum it verifies. It decodes no record.
func Peek(message []byte) (Header, error) {
	h, _, err := parseHeader(message)
	return h, err
}
