package cgroups

import (
	"os"
	"testing"

	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) {
	load.Main() // returns unless this is a load process
	os.Exit(rig.Main(m))
}
