// Daytwo is day-2 operations for a cluster of Linux machines: metrics, logs and
// debugging sessions. `daytwo --help` shows what it does.
package main

var version = "dev" // set by the linker

func main() { _ = version }
