package sealed

import _ "embed"

//go:embed helper-amd64.gz
var helper []byte

//go:embed toolbox-amd64.gz
var toolbox []byte
