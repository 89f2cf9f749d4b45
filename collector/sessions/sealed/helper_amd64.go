package sealed

import _ "embed"

//go:embed helper-amd64.gz
var compressed []byte
