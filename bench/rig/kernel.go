package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Kernel is a Linux kernel that Run boots in QEMU.
type Kernel struct {
	Series  string // "6.1", "6.12"
	Release string // as uname -r has it: "6.1.0-56-cloud-amd64"
	Image   string // path of vmlinuz
	V1      bool   // has every v1 controller, memory too
}

// kernelSeries are the kernels that Debian 12 ships, as cloud images: small,
// with BTF and every cgroup controller, ext4 and NVMe built in.
var kernelSeries = []string{"6.1", "6.12"}

// Kernels returns Debian's newest signed cloud kernel of every series, and downloads
// those that the cache does not have. It ends the test through Missing if it cannot.
func Kernels(t testing.TB) []Kernel {
	t.Helper()
	if _, err := exec.LookPath(qemuBinary); err != nil {
		Missing(t, qemuBinary, err.Error(), "apt-get install qemu-system-x86")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "daytwo-test", "kernels")
	var ks []Kernel
	for _, series := range kernelSeries {
		k, err := findKernel(cache, series)
		if err != nil {
			Missing(t, "kernel "+series, err.Error(), "apt-get update, on a Debian 12 (amd64) with its security archive")
		}
		ks = append(ks, k)
	}
	return ks
}

// findKernel tries the packages of the archive, newest first, since an index may name
// one that the archive has dropped; then it tries the cache.
func findKernel(cache, series string) (Kernel, error) {
	out, listErr := exec.Command("apt-cache", "search", "--names-only", `^linux-image-6\..*-cloud-amd64$`).Output()
	names := kernelPackages(string(out), series)
	if listErr == nil && len(names) == 0 {
		listErr = errors.New("apt-cache knows no linux-image-" + series + "*-cloud-amd64")
	}
	errs := []error{listErr}
	for _, name := range names[:min(len(names), 3)] {
		k, err := fetchKernel(cache, series, name)
		if err == nil {
			return k, nil
		}
		errs = append(errs, err)
	}
	if names = cachedKernels(cache, series); len(names) > 0 {
		return fetchKernel(cache, series, names[0])
	}
	return Kernel{}, errors.Join(errs...)
}

// kernelPackages returns the signed kernels of a series, newest first, from the output
// of apt-cache search.
func kernelPackages(search, series string) []string {
	var names []string
	for line := range strings.Lines(search) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kernelName(series).MatchString(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return compareVersions(b, a) })
	return slices.Compact(names)
}

// kernelName matches linux-image-6.1.0-56-cloud-amd64 but no meta-package,
// debug package or unsigned image.
func kernelName(series string) *regexp.Regexp {
	return regexp.MustCompile(`^linux-image-` + regexp.QuoteMeta(series) + `\.[0-9.]+[-+][0-9a-z.+~]+-cloud-amd64$`)
}

var digits = regexp.MustCompile(`[0-9]+`)

// compareVersions orders names by the numbers in them.
func compareVersions(a, b string) int {
	return slices.CompareFunc(digits.FindAllString(a, -1), digits.FindAllString(b, -1), func(x, y string) int {
		i, _ := strconv.Atoi(x) // a number that overflows compares as the largest
		j, _ := strconv.Atoi(y)
		return i - j
	})
}

func cachedKernels(cache, series string) []string {
	dirs, _ := os.ReadDir(cache) // no directory: nothing cached
	var found strings.Builder
	for _, d := range dirs {
		fmt.Fprintln(&found, d.Name())
	}
	return kernelPackages(found.String(), series)
}

// fetchKernel downloads a package, unless the cache has it, and keeps its vmlinuz and
// its config. It needs no root. Test processes may do so at the same time.
func fetchKernel(cache, series, name string) (Kernel, error) {
	k := Kernel{Series: series, Release: strings.TrimPrefix(name, "linux-image-")}
	dir := filepath.Join(cache, name)
	k.Image = filepath.Join(dir, "vmlinuz")
	if k.readConfig(dir) == nil {
		return k, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return k, err
	}
	tmp, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return k, err
	}
	defer os.RemoveAll(tmp)
	if err := command(tmp, "apt-get", "download", name); err != nil {
		return k, err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return k, fmt.Errorf("apt-get download %s: %d packages came", name, len(debs))
	}
	if err := command(tmp, "dpkg", "-x", debs[0], "x"); err != nil {
		return k, err
	}
	keep := filepath.Join(tmp, "keep")
	if err := os.Mkdir(keep, 0o755); err != nil {
		return k, err
	}
	for _, f := range []string{"vmlinuz", "config"} {
		if err := os.Rename(filepath.Join(tmp, "x", "boot", f+"-"+k.Release), filepath.Join(keep, f)); err != nil {
			return k, err
		}
	}
	if err := os.Rename(keep, dir); err != nil && k.readConfig(dir) != nil { // else another process was faster
		return k, err
	}
	return k, k.readConfig(dir)
}

// readConfig reads how a kernel in the cache was built. The v1 files of the memory
// controller have their own option since Linux 6.11.
func (k *Kernel) readConfig(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "config"))
	if err != nil {
		return err
	}
	k.V1 = !strings.Contains(string(b), "# CONFIG_MEMCG_V1 is not set")
	return nil
}

func command(dir, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
