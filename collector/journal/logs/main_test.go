package logs

import (
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
