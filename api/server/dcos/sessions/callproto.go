package sessions

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

var errProto = errors.New("the call is not the protobuf of a call to a Mesos agent")

// field is one field of a message: a number, or bytes. Of other kinds Mesos' calls have none
// that matters here.
type field struct {
	number protowire.Number
	bytes  []byte // nil for a number
	value  uint64
}

// eachField calls f for each field of a message.
func eachField(b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errProto
		}
		b = b[n:]
		fd := field{number: num}
		switch typ {
		case protowire.VarintType:
			fd.value, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			fd.bytes, n = protowire.ConsumeBytes(b)
			if fd.bytes == nil {
				fd.bytes = []byte{}
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
			fd.number = 0
		}
		if n < 0 {
			return errProto
		}
		b = b[n:]
		if fd.number != 0 {
			if err := f(fd); err != nil {
				return err
			}
		}
	}
	return nil
}

// Numbers of the fields of a Call that hold the message of each type.
var callFields = map[callType]protowire.Number{launchSession: 9, attachInput: 10, attachOutput: 11, waitContainer: 14}

// parseProto decodes a call.
func parseProto(b []byte) (*call, error) {
	c := new(call)
	body := map[protowire.Number][]byte{}
	err := eachField(b, func(f field) error {
		if f.number == 1 && f.bytes == nil {
			c.kind = callType(f.value)
		} else if f.bytes != nil {
			body[f.number] = f.bytes
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	message, ok := body[callFields[c.kind]]
	switch {
	case !c.kind.known():
		return c.checked()
	case !ok:
		return nil, errors.New("the call has no message of its type")
	case c.kind == attachInput:
		return c.inputFromProto(message)
	}
	var chain []string
	err = eachField(message, func(f field) error {
		switch {
		case f.number == 1 && f.bytes != nil:
			chain, err = protoID(nil, f.bytes)
			return err
		case c.kind != launchSession || f.bytes == nil:
		case f.number == 2:
			c.command.shell = true // Mesos' default
			return c.command.fromProto(f.bytes)
		case f.number == 3:
			return c.command.terminalFromProto(f.bytes)
		}
		return nil
	})
	if err == nil {
		c.container, err = newContainerID(chain)
	}
	if err != nil {
		return nil, err
	}
	return c.checked()
}

// inputFromProto takes the message of attachInput in.
func (c *call) inputFromProto(message []byte) (*call, error) {
	var kind uint64
	var chain []string
	err := eachField(message, func(f field) (err error) {
		switch {
		case f.number == 1 && f.bytes == nil:
			kind = f.value
		case f.number == 2 && f.bytes != nil:
			chain, err = protoID(nil, f.bytes)
		case f.number == 3 && f.bytes != nil:
			c.input, err = protoIO(f.bytes)
		}
		return err
	})
	switch {
	case err != nil:
	case kind == 2 && c.input == nil:
		err = errors.New("process_io is missing")
	case kind == 2:
	default:
		c.input = nil
		c.container, err = newContainerID(chain)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// protoID appends the ids of a container and of those around it.
func protoID(chain []string, b []byte) ([]string, error) {
	if len(chain) >= maxDepth {
		return nil, errDepth
	}
	var value string
	var parent []byte
	err := eachField(b, func(f field) error {
		switch {
		case f.number == 1 && f.bytes != nil:
			value = string(f.bytes)
		case f.number == 2 && f.bytes != nil:
			parent = f.bytes
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	chain = append(chain, value)
	if parent != nil {
		return protoID(chain, parent)
	}
	return chain, nil
}

// fromProto takes a CommandInfo in.
func (c *command) fromProto(b []byte) error {
	return eachField(b, func(f field) error {
		switch {
		case f.number == 6 && f.bytes == nil:
			c.shell = f.value != 0
		case f.bytes == nil:
		case f.number == 2:
			return eachField(f.bytes, func(f field) error {
				if f.number != 1 || f.bytes == nil {
					return nil
				}
				return c.variableFromProto(f.bytes)
			})
		case f.number == 3:
			c.value, c.hasValue = string(f.bytes), true
		case f.number == 5:
			c.user = string(f.bytes)
		case f.number == 7:
			c.arguments = append(c.arguments, string(f.bytes))
		}
		return nil
	})
}

// variableFromProto takes a variable of the environment in.
func (c *command) variableFromProto(b []byte) error {
	var name, value string
	err := eachField(b, func(f field) error {
		switch {
		case f.number == 1 && f.bytes != nil:
			name = string(f.bytes)
		case f.number == 2 && f.bytes != nil:
			value = string(f.bytes)
		case f.number == 3 && f.bytes == nil && f.value == 2:
			return errSecrets
		}
		return nil
	})
	c.env = append(c.env, name+"="+value)
	return err
}

// terminalFromProto takes a ContainerInfo in.
func (c *command) terminalFromProto(b []byte) error {
	return eachField(b, func(f field) (err error) {
		if f.number == 10 && f.bytes != nil {
			c.tty = true
			c.rows, c.cols, err = protoSize(f.bytes)
		}
		return err
	})
}

// protoSize returns the size in a TTYInfo.
func protoSize(b []byte) (rows, cols uint16, err error) {
	err = eachField(b, func(f field) error {
		if f.number != 1 || f.bytes == nil {
			return nil
		}
		return eachField(f.bytes, func(f field) error {
			switch {
			case f.bytes != nil:
			case f.number == 1:
				rows = size(f.value)
			case f.number == 2:
				cols = size(f.value)
			}
			return nil
		})
	})
	return rows, cols, err
}

// protoIO decodes a ProcessIO.
func protoIO(b []byte) (*processIO, error) {
	p := new(processIO)
	var kind uint64
	var data, control []byte
	err := eachField(b, func(f field) error {
		switch {
		case f.number == 1 && f.bytes == nil:
			kind = f.value
		case f.number == 2 && f.bytes != nil:
			data = f.bytes
		case f.number == 3 && f.bytes != nil:
			control = f.bytes
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	switch {
	case kind == 1 && data != nil:
		err = p.dataFromProto(data)
	case kind == 2 && control != nil:
		err = p.controlFromProto(control)
	}
	return p, err
}

func (p *processIO) dataFromProto(b []byte) error {
	err := eachField(b, func(f field) error {
		switch {
		case f.number == 1 && f.bytes == nil && f.value == uint64(stdin):
			p.kind, p.stream = ioData, stdin
		case f.number == 2 && f.bytes != nil:
			p.data = f.bytes
		}
		return nil
	})
	if p.kind != ioData {
		p.data = nil
	}
	return err
}

func (p *processIO) controlFromProto(b []byte) error {
	var kind uint64
	return eachField(b, func(f field) (err error) {
		switch {
		case f.number == 1 && f.bytes == nil:
			if kind = f.value; kind == 2 {
				p.kind = ioHeartbeat
			}
		case f.number == 2 && f.bytes != nil && kind != 2:
			p.kind = ioSize
			p.rows, p.cols, err = protoSize(f.bytes)
		}
		return err
	})
}
