package engine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNetworkFS says that the embedded store's file would be on a network file system. There a lock
// may be held by two machines at once, and SQLite's write-ahead log needs memory that all readers
// share.
var ErrNetworkFS = errors.New("store is on a network file system")

// networked are file systems whose files several machines can have open, by their magic number.
//
// Spec: statfs(2), linux/magic.h.
var networked = map[uint32]string{
	0x6969:     "nfs",
	0x517b:     "smb",
	0xff534d42: "cifs",
	0xfe534d42: "smb2",
	0x5346414f: "afs",
	0x6b414653: "kafs",
	0x73757245: "coda",
	0x564c:     "ncp",
	0x00c36400: "ceph",
	0x01021997: "9p",
	0x0bd00bd0: "lustre",
	0x47504653: "gpfs",
	0x19830326: "beegfs",
	0xaad7aaea: "panfs",
	0x20030528: "orangefs",
	0xbeefdead: "snfs",
	0x013111a8: "ibrix",
	0x01161970: "gfs2",
	0x7461636f: "ocfs2",
	0xbacbacbc: "vmhgfs",
	0x786f4256: "vboxsf",
	0x7c7c6673: "prl_fs",
}

// fuseMagic is of all file systems in user space, local and not.
const fuseMagic = 0x65735546

// fuseNetworked are the kinds of those that are not local, as the part after "fuse.".
var fuseNetworked = map[string]bool{
	"sshfs": true, "glusterfs": true, "s3fs": true, "davfs": true, "davfs2": true, "rclone": true,
	"ceph-fuse": true, "cephfs": true, "curlftpfs": true, "smbnetfs": true, "smb3": true, "afpfs": true,
	"goofys": true, "gcsfuse": true, "blobfuse": true, "blobfuse2": true, "mount-s3": true, "mountpoint-s3": true,
	"s3ql": true, "s3backer": true, "geesefs": true, "juicefs": true, "seaweedfs": true, "weed": true,
	"mfs": true, "moosefs": true, "mfsmount": true, "lizardfs": true, "saunafs": true, "hdfs": true, "fuse_dfs": true,
	"gvfsd-fuse": true, "kio-fuse": true, "google-drive-ocamlfuse": true, "onedriver": true, "ipfs": true,
	"vmhgfs-fuse": true, "nfs": true, "fuse-nfs": true, "dav": true, "webdavfs": true, "xtreemfs": true, "objectivefs": true, "cvmfs2": true,
}

// files asks the system about a path; tests have their own.
type files struct {
	statfs    func(path string) (magic uint32, err error)
	device    func(path string) (major, minor uint32, err error)
	mountinfo func() ([]byte, error)
}

var system = files{
	statfs: func(path string) (uint32, error) {
		var s unix.Statfs_t
		if err := unix.Statfs(path, &s); err != nil {
			return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
		}
		return uint32(s.Type), nil // its width depends on the machine
	},
	device: func(path string) (major, minor uint32, err error) {
		var s unix.Stat_t
		if err := unix.Stat(path, &s); err != nil {
			return 0, 0, &os.PathError{Op: "stat", Path: path, Err: err}
		}
		dev := uint64(s.Dev) // its width depends on the machine
		return unix.Major(dev), unix.Minor(dev), nil
	},
	mountinfo: func() ([]byte, error) { return os.ReadFile("/proc/self/mountinfo") },
}

// local refuses a file at path, or one that would be made there, that is not on this machine.
func (f files) local(path string) error {
	// The file may be a link to another file system than its folder's, which has the lock.
	where := []string{filepath.Dir(path)}
	if _, err := os.Stat(path); err == nil {
		where = append(where, path)
	}
	for _, w := range where {
		magic, err := f.statfs(w)
		if err != nil {
			return fmt.Errorf("kv/engine: open: %w", err)
		}
		kind := networked[magic]
		if magic == fuseMagic {
			if kind, err = f.fuse(w); err != nil {
				return fmt.Errorf("kv/engine: open: %w", err)
			}
		}
		if kind != "" {
			return fmt.Errorf("kv/engine: open: %w: %s is on %s; put the file on a local disk, or choose a store of type redis, postgres or mysql", ErrNetworkFS, path, kind)
		}
	}
	return nil
}

// fuse returns the kind of the file system in user space that path is on, if it is not local. One
// that cannot be told, since nothing is known of the mount, counts as local.
func (f files) fuse(path string) (kind string, err error) {
	major, minor, err := f.device(path)
	if err != nil {
		return "", err
	}
	info, err := f.mountinfo()
	if err != nil {
		return "", nil
	}
	kind, source := mountOf(info, major, minor)
	_, sub, _ := strings.Cut(kind, ".")
	switch {
	case fuseNetworked[sub]:
		return kind, nil
	case strings.Contains(source, "://"), strings.HasPrefix(source, "//"), !strings.HasPrefix(source, "/") && strings.Contains(source, ":/"):
		return kind + " of " + clip(source), nil // of whatever kind, it comes from another machine
	}
	return "", nil
}

// clip shortens a mount's source, of which user and password are left out.
func clip(source string) string {
	if i := strings.LastIndexByte(source, '@'); i >= 0 {
		source = source[i+1:]
	}
	if len(source) > 60 {
		source = source[:60] + "..."
	}
	return source
}

// mountOf returns type and source of the mount whose device it is. Of several it is the last, which
// covers the others or shows another part of the same file system.
//
// Spec: proc_pid_mountinfo(5).
func mountOf(info []byte, major, minor uint32) (kind, source string) {
	device := strconv.FormatUint(uint64(major), 10) + ":" + strconv.FormatUint(uint64(minor), 10)
	for line := range bytes.Lines(info) {
		// 36 35 98:0 /root /point options [optional ...] - type source options
		f := strings.Fields(string(line))
		if len(f) < 3 || f[2] != device {
			continue
		}
		for i := 6; i+2 < len(f); i++ {
			if f[i] == "-" {
				kind, source = f[i+1], unescape(f[i+2])
				break
			}
		}
	}
	return kind, source
}

// unescape undoes the octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
