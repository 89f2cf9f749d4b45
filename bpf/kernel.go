package bpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// Kernel answers questions about the running kernel's types from its BTF. It is not
// safe for concurrent use.
type Kernel struct {
	spec *btf.Spec // nil after Release, until the next question

	States       int // length of memcg_vmstats.state[]
	Events       int // length of memcg_vmstats.events[], which follows state[]
	LocalEvents  int // index of memcg_vmstats.events_local[] in longs; 0: not there (before Linux 6.6)
	HugetlbSizes int // length of hugetlb_cgroup.hugepage[]
	PSIStates    int // length of psi_group.avg_total[]: the number of pressure totals
}

// Errors that say why BPF programs cannot run here.
var (
	ErrNoBTF    = errors.New("the kernel has no /sys/kernel/btf/vmlinux: it needs CONFIG_DEBUG_INFO_BTF")
	ErrNoRights = errors.New("no right to load BPF programs: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN")
)

// LoadKernel reads the kernel's BTF (about 5 MB, which takes some 10 ms). It returns
// ErrNoBTF if the kernel has none.
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
	if m, ok := k.field("memcg_vmstats", "events_local"); ok {
		k.LocalEvents = int(m.Offset.Bytes() / 8)
	}
	k.HugetlbSizes = k.arrayLen("hugetlb_cgroup", "hugepage")
	k.PSIStates = k.arrayLen("psi_group", "avg_total")
	return k, nil
}

// find looks up a type by name and stores it in typ, a pointer to a btf.Type. It
// reads the BTF again if it was released.
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

// Release frees the kernel's types, which take megabytes of memory. The next question
// reads them again.
func (k *Kernel) Release() { k.spec = nil }

// HasFunc reports whether the kernel has a function of that name. A kernel that has
// the function which serves a file also has the file.
func (k *Kernel) HasFunc(name string) bool {
	var f *btf.Func
	return k.find(name, &f) == nil
}

// HasField reports whether a struct has a member of that name.
func (k *Kernel) HasField(structName, field string) bool {
	_, ok := k.field(structName, field)
	return ok
}

// Enum returns the values of a kernel enum by name. It fails if the kernel has no
// such enum.
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

// field returns a member of a struct.
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

// arrayLen returns the number of elements of an array member, 0 if there is none.
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

// explain wraps the error of loading or attaching what, and says why the kernel
// refused it.
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

// SizeOf returns the size of a struct in bytes, 0 if the kernel has no such struct.
func (k *Kernel) SizeOf(structName string) uint64 {
	var s *btf.Struct
	if k.find(structName, &s) != nil {
		return 0
	}
	return uint64(s.Size)
}

// Before reports whether a struct has both members, and the first comes before the
// second.
func (k *Kernel) Before(structName, first, second string) bool {
	a, ok := k.field(structName, first)
	b, ok2 := k.field(structName, second)
	return ok && ok2 && a.Offset < b.Offset
}
