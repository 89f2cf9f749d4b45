package rig

import (
	"os"
	"sync"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// SlowDisk is a directory on a file system (FUSE) that can stop to respond, as a
// failing disk or a network file system does. Nothing is cached: whoever opens,
// reads, writes, syncs or deletes a file there waits.
type SlowDisk struct {
	Dir string

	mu      sync.Mutex
	resumed chan struct{} // closed when the disk responds again; nil while it does
}

// NewSlowDisk mounts a SlowDisk for the duration of a test. It responds until Hang.
func NewSlowDisk(t testing.TB) *SlowDisk {
	t.Helper()
	NeedRoot(t, "mounting a FUSE file system")
	if _, err := os.Stat("/dev/fuse"); err != nil {
		KernelLacks(t, Filesystem("fuse"), err)
	}
	root, err := fs.NewLoopbackRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &SlowDisk{Dir: t.TempDir()}
	server, err := fuse.NewServer(&slowFS{fs.NewNodeFS(root, &fs.Options{}), d}, d.Dir, &fuse.MountOptions{
		DirectMountStrict: true, FsName: "slowdisk", Name: "daytwotest",
		DisableSplice: true, // its pipes would stay open
	})
	if err != nil {
		t.Fatalf("mount a FUSE file system: %v", err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Resume()
		if err := server.Unmount(); err != nil {
			t.Errorf("unmount %s: %v", d.Dir, err)
			_ = unix.Unmount(d.Dir, unix.MNT_DETACH)
		}
	})
	return d
}

// Hang makes every operation wait until Resume.
func (d *SlowDisk) Hang() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.resumed == nil {
		d.resumed = make(chan struct{})
	}
}

// Resume ends Hang: operations that wait continue.
func (d *SlowDisk) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.resumed != nil {
		close(d.resumed)
		d.resumed = nil
	}
}

// wait waits while the disk hangs.
func (d *SlowDisk) wait() {
	d.mu.Lock()
	resumed := d.resumed
	d.mu.Unlock()
	if resumed != nil {
		<-resumed
	}
}

// slowFS is a directory of the machine behind a SlowDisk.
type slowFS struct {
	fuse.RawFileSystem
	d *SlowDisk
}

// uncached has the kernel ask for every byte of a file.
func uncached(out *fuse.OpenOut) {
	out.OpenFlags = out.OpenFlags&^(fuse.FOPEN_PASSTHROUGH|fuse.FOPEN_KEEP_CACHE) | fuse.FOPEN_DIRECT_IO
}

func (f *slowFS) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	f.d.wait()
	defer uncached(out)
	return f.RawFileSystem.Open(cancel, in, out)
}

func (f *slowFS) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	f.d.wait()
	defer uncached(&out.OpenOut)
	return f.RawFileSystem.Create(cancel, in, name, out)
}

func (f *slowFS) Read(cancel <-chan struct{}, in *fuse.ReadIn, b []byte) (fuse.ReadResult, fuse.Status) {
	f.d.wait()
	return f.RawFileSystem.Read(cancel, in, b)
}

func (f *slowFS) Writev(cancel <-chan struct{}, in *fuse.WriteIn, b [][]byte) (uint32, fuse.Status) {
	f.d.wait()
	return f.RawFileSystem.Writev(cancel, in, b)
}

func (f *slowFS) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	f.d.wait()
	return f.RawFileSystem.SetAttr(cancel, in, out)
}

func (f *slowFS) Fsync(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	f.d.wait()
	return f.RawFileSystem.Fsync(cancel, in)
}

func (f *slowFS) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	f.d.wait()
	return f.RawFileSystem.Flush(cancel, in)
}

func (f *slowFS) Unlink(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	f.d.wait()
	return f.RawFileSystem.Unlink(cancel, in, name)
}

func (f *slowFS) Rename(cancel <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	f.d.wait()
	return f.RawFileSystem.Rename(cancel, in, from, to)
}
