module github.com/daytwo/daytwo/bench/peers

go 1.26.0

require github.com/daytwo/daytwo v0.0.0

require (
	github.com/containerd/cgroups/v3 v3.1.3 // indirect
	github.com/google/cadvisor/lib v0.60.6 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/moby/sys/userns v0.1.0 // indirect
	github.com/prometheus/prometheus v0.313.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/daytwo/daytwo => ../..
