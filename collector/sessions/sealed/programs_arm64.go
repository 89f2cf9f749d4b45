package sealed

import _ "embed"

//go:embed helper-arm64.gz
var helper []byte

//go:embed toolbox-arm64.gz
var toolbox []byte
