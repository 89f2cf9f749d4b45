package policy

import (
	"fmt"

	"github.com/daytwo/daytwo/api/health"
)

// Doctor reports whether a policy file is valid.
func Doctor(path string) []health.Check {
	p, err := Load(path)
	if err != nil {
		return []health.Check{{Name: "policy", State: health.Fail, Detail: err.Error(),
			Fix: "correct the file: a relay that runs keeps the policy that it has, and none starts with this file"}}
	}
	rules, groups, roles := p.Summary()
	return []health.Check{{Name: "policy", State: health.OK,
		Detail: fmt.Sprintf("%s: %d rules, %d groups, %d roles", path, rules, groups, roles)}}
}
