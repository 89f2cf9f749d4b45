package sealed

import _ "embed"

//go:embed helper-arm64.gz
var compressed []byte
