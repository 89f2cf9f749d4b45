package connecting

import "testing"

func TestParse(t *testing.T) {
	if ports, err := parse([]string{"80", "65535"}); err != nil || len(ports) != 2 || ports[1] != 65535 {
		t.Errorf("%v, %v", ports, err)
	}
	for _, args := range [][]string{nil, {""}, {"0"}, {"65536"}, {"-1"}, {"http"}, {"80", "x"}, {"80,90"}} {
		if ports, err := parse(args); err == nil {
			t.Errorf("%q: %v", args, ports)
		}
	}
}
