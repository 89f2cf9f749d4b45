package bpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Flusher makes the kernel add up the per-CPU counters of all cgroups, which it
// otherwise does only now and then (cgroup_rstat_flush() in kernel/cgroup/rstat.c).
// It does not hold cgroup_mutex.
type Flusher struct {
	prog *ebpf.Program
	iter *iterator
}

// Flush says which hierarchies to flush.
type Flush struct {
	Unified    bool // cgroup v2: its CPU times; before Linux 6.16 all its counters
	Memory, IO bool // the hierarchies of these controllers
}

// NewFlusher loads the first of the flush programs that this kernel accepts. If it
// accepts none, the error says why.
func NewFlusher(f Flush) (*Flusher, error) {
	var errs []error
	for _, name := range []string{kernelsetupProgFlushSubsystems, kernelsetupProgFlushCgroupsRcu,
		kernelsetupProgFlushCgroups} {
		l, err := newFlusher(name, f)
		if err == nil {
			return l, nil
		}
		errs = append(errs, explain(name, err))
		if errors.Is(err, os.ErrPermission) && !isVerifier(err) {
			break
		}
	}
	return nil, fmt.Errorf("flush of cgroup counters: %w", errors.Join(errs...))
}

// newFlusher loads and attaches the program of that name.
func newFlusher(name string, f Flush) (*Flusher, error) {
	spec, err := loadKernelsetup()
	if err != nil {
		return nil, err
	}
	for v, on := range map[string]bool{
		kernelsetupVarFlushUnified: f.Unified,
		kernelsetupVarFlushMemory:  f.Memory,
		kernelsetupVarFlushIo:      f.IO,
	} {
		if err := spec.Variables[v].Set(toU32(on)); err != nil {
			return nil, err
		}
	}
	only(spec, name)
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, err
	}
	defer coll.Close()
	prog := coll.DetachProgram(name)
	iter, err := attachTaskIter(prog, os.Getpid())
	if err != nil {
		prog.Close()
		return nil, err
	}
	return &Flusher{prog: prog, iter: iter}, nil
}

// Flush adds up the counters now. It allocates nothing.
func (f *Flusher) Flush() error { return f.iter.run() }

// Close unloads the program.
func (f *Flusher) Close() error {
	if f == nil {
		return nil
	}
	return errors.Join(f.iter.close(), f.prog.Close())
}

// perCPUOffsets returns the kernel's __per_cpu_offset[] (mm/percpu.c), by CPU.
func perCPUOffsets() ([]uint64, error) {
	n, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, err
	}
	spec, err := loadKernelsetup()
	if err != nil {
		return nil, err
	}
	only(spec, kernelsetupProgPerCpuAddress)
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, explain("per-CPU addresses", err)
	}
	defer coll.Close()
	offsets := make([]uint64, n)
	for cpu := range offsets {
		args := kernelsetupPerCpuArgs{Cpu: uint32(cpu)}
		if err := call(coll.Programs[kernelsetupProgPerCpuAddress], &args); err != nil {
			return nil, fmt.Errorf("per-CPU address of CPU %d: %w", cpu, err)
		}
		offsets[cpu] = args.Address - args.Pointer
	}
	return offsets, nil
}

// Memory reads the kernel's memory, one page at a time.
type Memory struct {
	coll *ebpf.Collection
	page []byte
}

// PageSize is how many bytes Memory reads at once.
const PageSize = 4096

// NewMemory loads the program that reads kernel memory.
func NewMemory() (*Memory, error) {
	spec, err := loadKernelsetup()
	if err != nil {
		return nil, err
	}
	only(spec, kernelsetupProgPeek, kernelsetupProgInitTask)
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, explain("reading kernel memory", err)
	}
	page, err := mapMemory(coll.Maps[kernelsetupMapPage], PageSize, unix.PROT_READ)
	if err != nil {
		coll.Close()
		return nil, err
	}
	return &Memory{coll: coll, page: page}, nil
}

// InitTask returns the address of init_task, which is near the beginning of the
// kernel's data.
func (m *Memory) InitTask() (uint64, error) {
	var args kernelsetupPeekArgs
	err := call(m.coll.Programs[kernelsetupProgInitTask], &args)
	return args.Address, err
}

// Page reads PageSize bytes at a kernel address. The slice is valid until the next
// call. ok is false if no memory is mapped at the address.
func (m *Memory) Page(address uint64) (page []byte, ok bool) {
	args := kernelsetupPeekArgs{Address: address}
	if call(m.coll.Programs[kernelsetupProgPeek], &args) != nil {
		return nil, false
	}
	return m.page, true
}

// Close unloads the program.
func (m *Memory) Close() error {
	m.coll.Close()
	return unix.Munmap(m.page)
}

// errRefused means that a syscall program returned a value other than 0.
var errRefused = errors.New("the program found nothing")

// call runs a program of type BPF_PROG_TYPE_SYSCALL. The program may change args.
func call(prog *ebpf.Program, args any) error {
	ret, err := prog.Run(&ebpf.RunOptions{Context: args, ContextOut: args})
	if err == nil && ret != 0 {
		err = errRefused
	}
	return err
}

// only removes all programs but the named ones from a spec, so that programs which
// this kernel would refuse are not loaded.
func only(spec *ebpf.CollectionSpec, names ...string) {
	keep := map[string]*ebpf.ProgramSpec{}
	for _, n := range names {
		keep[n] = spec.Programs[n]
	}
	spec.Programs = keep
}

// isVerifier reports whether err comes from the kernel's verifier.
func isVerifier(err error) bool {
	var ve *ebpf.VerifierError
	return errors.As(err, &ve)
}

// toU32 returns 1 for true, 0 for false.
func toU32(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// mapMemory maps a BPF array into this process's memory. size is in bytes, prot as for
// mmap(2).
func mapMemory(m *ebpf.Map, size, prot int) ([]byte, error) {
	b, err := unix.Mmap(m.FD(), 0, (size+os.Getpagesize()-1)/os.Getpagesize()*os.Getpagesize(), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map BPF array %s: %w", m, err)
	}
	return b, nil
}
