package bpf

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel -type walk_control -type head -type base -type sched -type cpuacct_times -type counter -type memory -type memory_v1 -type pids -type psi -type tasks -type hugetlb -type hugetlb_size -type freezer_from -type blkg_from -type dir -type record -type name -type io cgroupwalk cgroupwalk.bpf.c -- -O2 -g -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel -type per_cpu_args -type peek_args kernelsetup kernelsetup.bpf.c -- -O2 -g -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel steer steer.bpf.c -- -O2 -g -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel sender sender.bpf.c -- -O2 -g -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel -type tally drops drops.bpf.c -- -O2 -g -Wall -Werror -mcpu=v3

// generate.sum records the compiler and the hashes of sources and objects.
// generate_test.go compares them.
//go:generate sh -c "{ clang --version | head -n 1; sha256sum *.c *.h *_bpfel.go *_bpfel.o; } > generate.sum"
