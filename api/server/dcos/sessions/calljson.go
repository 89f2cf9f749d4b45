package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The documents below have the fields that matter of Mesos' messages, as protobuf's JSON names
// them; all others are ignored, as in Mesos.

type jsonCall struct {
	Type   string `json:"type"`
	Launch *struct {
		Container *jsonContainerID   `json:"container_id"`
		Command   *jsonCommand       `json:"command"`
		Info      *jsonContainerInfo `json:"container"`
	} `json:"launch_nested_container_session"`
	Input *struct {
		Type      string           `json:"type"`
		Container *jsonContainerID `json:"container_id"`
		IO        *jsonIO          `json:"process_io"`
	} `json:"attach_container_input"`
	Output *jsonOfContainer `json:"attach_container_output"`
	Wait   *jsonOfContainer `json:"wait_container"`
}

type jsonOfContainer struct {
	Container *jsonContainerID `json:"container_id"`
}

type jsonContainerID struct {
	Value  string           `json:"value"`
	Parent *jsonContainerID `json:"parent"`
}

func (c *jsonContainerID) id() (containerID, error) {
	var chain []string
	for ; c != nil; c = c.Parent {
		if chain = append(chain, c.Value); len(chain) > maxDepth {
			return containerID{}, errDepth
		}
	}
	return newContainerID(chain)
}

type jsonCommand struct {
	Value       *string  `json:"value"`
	Arguments   []string `json:"arguments"`
	Shell       *bool    `json:"shell"`
	User        string   `json:"user"`
	Environment *struct {
		Variables []struct {
			Name  string `json:"name"`
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"variables"`
	} `json:"environment"`
}

type jsonContainerInfo struct {
	TTY *jsonTTY `json:"tty_info"`
}

type jsonTTY struct {
	Size *struct {
		Rows    uint64 `json:"rows"`
		Columns uint64 `json:"columns"`
	} `json:"window_size"`
}

type jsonIO struct {
	Type string `json:"type"`
	Data *struct {
		Type string `json:"type"`
		Data []byte `json:"data"`
	} `json:"data"`
	Control *struct {
		Type string   `json:"type"`
		TTY  *jsonTTY `json:"tty_info"`
	} `json:"control"`
}

var (
	errDepth   = fmt.Errorf("more than %d containers in one another", maxDepth)
	errSecrets = errors.New("an environment variable is a secret, of which this agent has none")
)

// parseJSON decodes a call.
func parseJSON(b []byte) (*call, error) {
	var doc jsonCall
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("the call is not the JSON of a call to a Mesos agent: %w", err)
	}
	c := &call{kind: callNames[doc.Type]}
	var id *jsonContainerID
	switch {
	case c.kind == launchSession && doc.Launch != nil:
		id = doc.Launch.Container
		if err := c.command.fromJSON(doc.Launch.Command, doc.Launch.Info); err != nil {
			return nil, err
		}
	case c.kind == attachInput && doc.Input != nil && doc.Input.Type == "PROCESS_IO":
		if doc.Input.IO == nil {
			return nil, errors.New("process_io is missing")
		}
		c.input = doc.Input.IO.io()
		return c, nil
	case c.kind == attachInput && doc.Input != nil && doc.Input.Type == "CONTAINER_ID":
		id = doc.Input.Container
	case c.kind == attachOutput && doc.Output != nil:
		id = doc.Output.Container
	case c.kind == waitContainer && doc.Wait != nil:
		id = doc.Wait.Container
	case c.kind.known():
		return nil, fmt.Errorf("the call %s has no message of its type", doc.Type)
	default:
		return c.checked()
	}
	var err error
	if c.container, err = id.id(); err != nil {
		return nil, err
	}
	return c.checked()
}

// fromJSON takes a command in. Mesos' default is a shell.
func (c *command) fromJSON(doc *jsonCommand, info *jsonContainerInfo) error {
	if doc == nil {
		return errors.New("command is missing")
	}
	c.shell = doc.Shell == nil || *doc.Shell
	c.arguments, c.user = doc.Arguments, doc.User
	if doc.Value != nil {
		c.value, c.hasValue = *doc.Value, true
	}
	if doc.Environment != nil {
		for _, v := range doc.Environment.Variables {
			if v.Type == "SECRET" {
				return errSecrets
			}
			c.env = append(c.env, v.Name+"="+v.Value)
		}
	}
	if info != nil && info.TTY != nil {
		c.tty = true
		if s := info.TTY.Size; s != nil {
			c.rows, c.cols = size(s.Rows), size(s.Columns)
		}
	}
	return nil
}

func (doc *jsonIO) io() *processIO {
	p := new(processIO)
	switch {
	case doc.Type == "DATA" && doc.Data != nil && doc.Data.Type == "STDIN":
		p.kind, p.stream, p.data = ioData, stdin, doc.Data.Data
	case doc.Type != "CONTROL" || doc.Control == nil:
	case doc.Control.Type == "TTY_INFO" && doc.Control.TTY != nil && doc.Control.TTY.Size != nil:
		p.kind, p.rows, p.cols = ioSize, size(doc.Control.TTY.Size.Rows), size(doc.Control.TTY.Size.Columns)
	case doc.Control.Type == "HEARTBEAT":
		p.kind = ioHeartbeat
	}
	return p
}
