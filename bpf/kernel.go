package bpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Kernel is what the running kernel's BTF says about its types.
type Kernel struct {
	spec *btf.Spec // nil after Release, until it is asked again

	States       int // length of memcg_vmstats.state[]
	Events       int // length of memcg_vmstats.events[], which follows state[]
	HugetlbSizes int // length of hugetlb_cgroup.hugepage[]
	PSIStates    int // kinds of stall that psi_group.total[] holds for its averages
}

// Why the programs cannot run here.
var (
	ErrNoBTF    = errors.New("the kernel has no /sys/kernel/btf/vmlinux: it needs CONFIG_DEBUG_INFO_BTF")
	ErrNoRights = errors.New("no right to load BPF programs: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN")
)

// LoadKernel reads the kernel's BTF (about 5 MB, some 10 ms).
func LoadKernel() (*Kernel, error) {
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		return nil, ErrNoBTF
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's BTF: %w", err)
	}
	k := &Kernel{spec: spec}
	k.States = k.arrayLen("memcg_vmstats", "state")
	k.Events = k.arrayLen("memcg_vmstats", "events")
	k.HugetlbSizes = k.arrayLen("hugetlb_cgroup", "hugepage")
	k.PSIStates = k.arrayLen("psi_group", "avg_total")
	return k, nil
}

// find looks a type up.
func (k *Kernel) find(name string, typ any) error {
	if k.spec == nil {
		spec, err := btf.LoadKernelSpec()
		if err != nil {
			return err
		}
		k.spec = spec
	}
	return k.spec.TypeByName(name, typ)
}

// Release lets go of the kernel's types, which take megabytes once they were
// asked. They are read again when they are needed.
func (k *Kernel) Release() { k.spec = nil }

// HasFunc tells whether the kernel has a function of that name: the sure sign
// that a file which it serves exists.
func (k *Kernel) HasFunc(name string) bool {
	var f *btf.Func
	return k.find(name, &f) == nil
}

// HasField tells whether a struct has a member.
func (k *Kernel) HasField(structName, field string) bool {
	_, ok := k.field(structName, field)
	return ok
}

// Enum returns the names and values of a kernel enum.
func (k *Kernel) Enum(name string) (map[string]uint64, error) {
	var e *btf.Enum
	if err := k.find(name, &e); err != nil {
		return nil, fmt.Errorf("enum %s: %w", name, err)
	}
	values := make(map[string]uint64, len(e.Values))
	for _, v := range e.Values {
		values[v.Name] = v.Value
	}
	return values, nil
}

func (k *Kernel) field(structName, field string) (btf.Member, bool) {
	var s *btf.Struct
	if k.find(structName, &s) != nil {
		return btf.Member{}, false
	}
	for _, m := range s.Members {
		if m.Name == field {
			return m, true
		}
	}
	return btf.Member{}, false
}

// arrayLen is the length of an array member, 0 if there is none.
func (k *Kernel) arrayLen(structName, field string) int {
	m, ok := k.field(structName, field)
	if !ok {
		return 0
	}
	if a, ok := btf.UnderlyingType(m.Type).(*btf.Array); ok {
		return int(a.Nelems)
	}
	return 0
}

// explain says why a program or map was refused.
func explain(what string, err error) error {
	var ve *ebpf.VerifierError
	switch {
	case errors.As(err, &ve) && len(ve.Log) > 0:
		return fmt.Errorf("%s: the kernel's verifier refuses the program: %w", what, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: %w", what, ErrNoRights)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// SizeOf is the size of a struct in bytes, 0 if there is none.
func (k *Kernel) SizeOf(structName string) uint64 {
	var s *btf.Struct
	if k.find(structName, &s) != nil {
		return 0
	}
	return uint64(s.Size)
}

// Before tells whether one member of a struct comes before another.
func (k *Kernel) Before(structName, first, second string) bool {
	a, ok := k.field(structName, first)
	b, ok2 := k.field(structName, second)
	return ok && ok2 && a.Offset < b.Offset
}
