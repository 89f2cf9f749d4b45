package origin

import (
	"testing"

	"github.com/daytwo/daytwo/api/launch"
)

func TestChoosePorts(t *testing.T) {
	check := func(low, high, first, last uint16) {
		t.Helper()
		clients, want := launch.PortRange{First: low, Last: high}, launch.PortRange{First: first, Last: last}
		if got := avoid(clients); got != want {
			t.Errorf("clients have %v: containers get %v, want %v", clients, got, want)
		}
	}
	check(32768, 60999, 20000, 29999)
	check(1024, 19999, 20000, 29999)
	check(25000, 65535, 20000, 24999)
	check(16384, 60999, 61000, 65535)
	check(15000, 65000, 5000, 14999)
	check(5000, 65535, 1024, 4999)
	check(1024, 65535, 20000, 29999)
}
