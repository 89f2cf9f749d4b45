package archive

import (
	"archive/tar"
	"fmt"

	"golang.org/x/sys/unix"
)

// attributes gives an open file or directory its owner, mode and time, in this order: a change of
// the owner clears bits of the mode.
func (x *extractor) attributes(fd int, h *tar.Header) error {
	mode := uint32(h.Mode & 0o1777)
	if x.o.Owner {
		mode = uint32(h.Mode & 0o7777)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		if int64(st.Uid) != int64(h.Uid) || int64(st.Gid) != int64(h.Gid) {
			if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
				x.sum.problem(x.o.Say, h.Name, ownerError(h, err))
				mode &= 0o1777 // who owns it now is not meant by these bits
			}
		}
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	return utimens(fd, [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, timespec(h)})
}

// attributesAt gives a symbolic link or a named pipe its owner and time.
func (x *extractor) attributesAt(dir int, name string, h *tar.Header) error {
	if x.o.Owner {
		var st unix.Stat_t
		if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if int64(st.Uid) != int64(h.Uid) || int64(st.Gid) != int64(h.Gid) {
			if err := unix.Fchownat(dir, name, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				x.sum.problem(x.o.Say, h.Name, ownerError(h, err))
			}
		}
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, timespec(h)}
	return unix.UtimesNanoAt(dir, name, times, unix.AT_SYMLINK_NOFOLLOW)
}

func ownerError(h *tar.Header, err error) error {
	return fmt.Errorf("it cannot be given to the user %d and group %d: %w", h.Uid, h.Gid, err)
}

func timespec(h *tar.Header) unix.Timespec {
	return unix.Timespec{Sec: h.ModTime.Unix(), Nsec: int64(h.ModTime.Nanosecond())}
}
