package wire

import (
	"encoding/binary"
	"errors"
)

// Type is what a message is. Numbers never change; a receiver ignores types that it does not
// know.
type Type uint8

// Types of messages. Client and keeper are the ends: the keeper is the process on the node that
// holds the program's terminal or pipes.
const (
	// Data has bytes of a stream: stdin from the client, the others from the keeper.
	Data Type = 1
	// End says that a stream has no byte from Offset on. From the client it is the end of
	// input, which closes the program's stdin if that is a pipe, and nothing if it is a terminal.
	End Type = 2
	// Credit says that the receiver of a stream has taken all bytes before Offset for good,
	// and has room for Window more. The sender forgets the former, and sends the latter.
	Credit Type = 3
	// Gap says that bytes of a stream, from Offset to before To, are no longer kept.
	Gap Type = 4
	// Resize has the size of the client's terminal.
	Resize Type = 5
	// Signal asks for a signal (Number, as Linux numbers it) to the program's process group.
	Signal Type = 6
	// Started is the keeper's first message on each connection (see Start).
	Started Type = 7
	// Exit is the keeper's last one: how the session ended (see AppendExit). It comes after the
	// End of each output.
	Exit Type = 8
	// Done is the client's last one: it has all output and the Exit. Without it the
	// connection is taken for lost, and everything is kept for a while.
	Done Type = 9
	// Detach is the client's last one if it leaves deliberately: the program runs on, and what
	// it prints may become a Gap. A lost connection rather stops the program when what is kept
	// has no room left.
	Detach Type = 10
	// Claim asks to be the one whose input counts. If another client is, Number 1 takes it over.
	Claim Type = 11
	// Yield gives the writing away: the next Claim has it.
	Yield Type = 12
	// Writer says who writes (see Write), after Started and after each change.
	Writer Type = 13
	// Ping asks for a Pong with the same Number, in both directions.
	Ping Type = 14
	// Pong answers a Ping.
	Pong Type = 15

	// Watched says who watches as an auditor: their number, and the name of who came last.
	Watched Type = 16

	// Attach begins a connection to a keeper (see Hello). Only a collector sends it, and what
	// a client sends of the following three is refused.
	Attach Type = 32
	// Kill ends the session: a Reason as Number, and who as text in Data.
	Kill Type = 33
	// Status is what a keeper tells its collector (see State).
	Status Type = 34
)

// Stream is one of the program's three streams. On a terminal there is no Stderr.
type Stream uint8

// Streams.
const (
	Stdin Stream = iota
	Stdout
	Stderr

	Streams = 3 // how many there are
)

// Limits of messages.
const (
	MaxData    = 32 << 10     // bytes that one Data message has
	MaxMessage = MaxData + 64 // bytes of a whole message
)

// Message is a message in memory. Which fields it has depends on its type.
type Message struct {
	Type   Type
	Stream Stream // of Data, End, Credit, Gap
	Offset uint64 // of Data: of its first byte; of End, Credit, Gap: see there
	Window uint64 // of Credit
	To     uint64 // of Gap
	Rows   uint16 // of Resize
	Cols   uint16 // of Resize
	Number uint64 // of Signal, Claim, Ping, Pong, Watched, Kill
	Data   []byte // of Data; of Watched, Kill: a text; the body of Started, Exit, Writer, Attach, Status
}

// ErrMalformed is that bytes are no message. The connection cannot be used any more.
var ErrMalformed = errors.New("malformed message of a session")

// Append appends a message to dst.
func Append(dst []byte, m *Message) []byte {
	var head [3 * binary.MaxVarintLen64]byte
	fields := head[:0]
	data := m.Data
	switch m.Type {
	case Data:
		fields = binary.AppendUvarint(append(fields, byte(m.Stream)), m.Offset)
	case End:
		fields, data = binary.AppendUvarint(append(fields, byte(m.Stream)), m.Offset), nil
	case Credit:
		fields, data = binary.AppendUvarint(append(fields, byte(m.Stream)), m.Offset), nil
		fields = binary.AppendUvarint(fields, m.Window)
	case Gap:
		fields, data = binary.AppendUvarint(append(fields, byte(m.Stream)), m.Offset), nil
		fields = binary.AppendUvarint(fields, m.To)
	case Resize:
		fields, data = binary.AppendUvarint(fields, uint64(m.Rows)), nil
		fields = binary.AppendUvarint(fields, uint64(m.Cols))
	case Signal, Claim, Ping, Pong:
		fields, data = binary.AppendUvarint(fields, m.Number), nil
	case Kill, Watched:
		fields = binary.AppendUvarint(fields, m.Number)
	case Done, Detach, Yield:
		data = nil
	}
	dst = binary.AppendUvarint(append(dst, byte(m.Type)), uint64(len(fields)+len(data)))
	return append(append(dst, fields...), data...)
}

// AppendDataHead appends what stands before the n bytes of a Data message, for a sender that
// writes those from elsewhere.
func AppendDataHead(dst []byte, s Stream, offset uint64, n int) []byte {
	var head [1 + binary.MaxVarintLen64]byte
	fields := binary.AppendUvarint(append(head[:0], byte(s)), offset)
	return append(binary.AppendUvarint(append(dst, byte(Data)), uint64(len(fields)+n)), fields...)
}

// Parse decodes the first message of p, and returns how many bytes it has: 0 if p has only
// its beginning. The message's Data is part of p.
func Parse(p []byte) (m Message, size int, err error) {
	if len(p) < 2 {
		return m, 0, nil
	}
	length, n := binary.Uvarint(p[1:])
	switch {
	case n < 0, n > 0 && length > MaxMessage, n == 0 && len(p) > 4:
		return m, 0, ErrMalformed
	case n == 0 || uint64(len(p)-1-n) < length:
		return m, 0, nil
	}
	size = 1 + n + int(length)
	m.Type = Type(p[0])
	if err := m.parse(p[1+n : size]); err != nil {
		return Message{}, 0, err
	}
	return m, size, nil
}

func (m *Message) parse(body []byte) error {
	r := fieldReader{p: body}
	switch m.Type {
	case Data, End, Credit, Gap:
		m.Stream, m.Offset = Stream(r.byte()), r.uvarint()
		switch m.Type {
		case Data:
			m.Data = r.rest()
		case Credit:
			m.Window = r.uvarint()
		case Gap:
			m.To = r.uvarint()
		}
		if m.Stream >= Streams || len(m.Data) > MaxData || m.Offset+uint64(len(m.Data)) < m.Offset ||
			m.Type == Gap && m.To < m.Offset {
			return ErrMalformed
		}
	case Resize:
		rows, cols := r.uvarint(), r.uvarint()
		if rows > 0xffff || cols > 0xffff {
			return ErrMalformed
		}
		m.Rows, m.Cols = uint16(rows), uint16(cols)
	case Signal, Claim, Ping, Pong:
		m.Number = r.uvarint()
	case Kill, Watched:
		m.Number, m.Data = r.uvarint(), r.rest()
	case Done, Detach, Yield:
	default:
		m.Data = r.rest()
	}
	if r.bad || len(r.p) > 0 {
		return ErrMalformed
	}
	return nil
}
