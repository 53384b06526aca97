package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNetworkFileSystemsAreRefused(t *testing.T) {
	const ext4, overlay, tmpfs = 0xef53, 0x794c7630, 0x01021994
	mount := func(rest string) string {
		return "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n" +
			"40 22 0:50 / /mnt/a\\040b rw,nosuid shared:7 master:2 - " + rest + "\n" +
			"41 22 0:51 / /mnt/c rw - fuse.sshfs me@host:/c rw\n"
	}
	for _, c := range []struct {
		name  string
		magic uint32
		mount string
		want  string // a part of the error; "" is accepted
	}{
		{"ext4", ext4, "", ""},
		{"overlay", overlay, "", ""},
		{"tmpfs", tmpfs, "", ""},
		{"nfs", 0x6969, "", "nfs"},
		{"smb", 0x517b, "", "smb"},
		{"cifs", 0xff534d42, "", "cifs"},
		{"smb2", 0xfe534d42, "", "smb2"},
		{"afs", 0x5346414f, "", "afs"},
		{"coda", 0x73757245, "", "coda"},
		{"ceph", 0x00c36400, "", "ceph"},
		{"9p", 0x01021997, "", "9p"},
		{"lustre", 0x0bd00bd0, "", "lustre"},
		{"gpfs", 0x47504653, "", "gpfs"},
		{"sshfs", fuseMagic, "fuse.sshfs me@host:/d rw", "fuse.sshfs"},
		{"glusterfs", fuseMagic, "fuse.glusterfs host:/vol rw", "fuse.glusterfs"},
		{"s3fs", fuseMagic, "fuse.s3fs s3fs rw", "fuse.s3fs"},
		{"rclone", fuseMagic, "fuse.rclone remote: rw", "fuse.rclone"},
		{"davfs, which has no type of its own", fuseMagic, "fuse https://me:secret@host/d rw", "fuse of host/d"},
		{"an unknown kind with a host", fuseMagic, "fuse.new host:/d rw", "fuse.new of host:/d"},
		{"an unknown kind with a share", fuseMagic, "fuse //host/d rw", "fuse of //host/d"},
		{"gocryptfs", fuseMagic, "fuse.gocryptfs /home/me/cipher\\040text rw", ""},
		{"mergerfs", fuseMagic, "fuse.mergerfs /a:/b rw", ""},
		{"a disk", fuseMagic, "fuseblk /dev/sdb1 rw", ""},
		{"an unknown kind without a host", fuseMagic, "fuse.other other rw", ""},
		{"a line without its end", fuseMagic, "fuse.sshfs", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			f := files{
				statfs:    func(string) (uint32, error) { return c.magic, nil },
				device:    func(string) (uint32, uint32, error) { return 0, 50, nil },
				mountinfo: func() ([]byte, error) { return []byte(mount(c.mount)), nil },
			}
			err := f.local(filepath.Join(dir, "kv.db"))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v", err)
			case c.want != "" && (!errors.Is(err, ErrNetworkFS) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir)):
				t.Errorf("got %v", err)
			case err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "local disk")):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheFileItselfMayBeOnAnotherFileSystemThanItsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	f := system
	f.statfs = func(p string) (uint32, error) {
		if p == path {
			return 0x6969, nil
		}
		return 0xef53, nil
	}
	if err := f.local(path); err != nil {
		t.Errorf("a file that is not there was looked at: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.local(path); !errors.Is(err, ErrNetworkFS) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutProcAFuseMountCountsAsLocalAndAFolderThatCannotBeAskedDoesNot(t *testing.T) {
	f := system
	f.statfs = func(string) (uint32, error) { return fuseMagic, nil }
	f.mountinfo = func() ([]byte, error) { return nil, os.ErrNotExist }
	if err := f.local(filepath.Join(t.TempDir(), "kv.db")); err != nil {
		t.Error(err)
	}
	if err := system.local(filepath.Join(t.TempDir(), "missing", "kv.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestThisFolderIsLocal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv.db")
	if err := system.local(path); err != nil {
		t.Fatal(err)
	}
	// It is not for want of looking: the mounts are found.
	major, minor, err := system.device("/proc")
	if err != nil {
		t.Fatal(err)
	}
	info, err := system.mountinfo()
	if err != nil {
		t.Fatal(err)
	}
	if kind, _ := mountOf(info, major, minor); kind != "proc" {
		t.Errorf("/proc is of kind %q", kind)
	}
}

func TestALinkAndItsFileAreOneStore(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "kv.db"), filepath.Join(dir, "link.db")
	e, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Path: link}); !errors.Is(err, ErrOwned) {
		t.Errorf("got %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add([]byte("40 22 0:50 / /mnt/a\\040b rw,nosuid shared:7 master:2 - fuse.sshfs me@host:/d rw\n"))
	f.Add([]byte("40 22 0:50 / - -\n- - 0:50 - - - - -"))
	f.Fuzz(func(t *testing.T, info []byte) {
		kind, source := mountOf(info, 0, 50)
		if len(kind)+len(source) > len(info) || len(clip(source)) > 63 {
			t.Errorf("%q, %q of %d octets", kind, source, len(info))
		}
	})
}
