package sqlite

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace runs one test of this binary in a process that may mount, or says why that
// cannot be had.
func inNamespace(t *testing.T, test, path string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SLUICE_TEST_DB="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || strings.Contains(string(out), cannotMount):
		t.Logf("NOT TESTED: this process may not mount: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
}

const cannotMount = "cannot mount"

// mount makes the folder of path a small disk of its own.
func mount(t *testing.T, path, options string) bool {
	t.Helper()
	dir := filepath.Dir(path)
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("none", dir, "tmpfs", 0, options)
	}
	if err != nil {
		t.Logf("%s: %v", cannotMount, err)
		return false
	}
	return true
}

// TestChildFillsTheDisk is the other process of TestAFullDiskLosesNothing.
func TestChildFillsTheDisk(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_DB")
	if path == "" || !mount(t, path, "size=1m") {
		return // it is a part of another test
	}
	defer func() { _ = unix.Unmount(filepath.Dir(path), unix.MNT_DETACH) }()
	ballast := filepath.Join(filepath.Dir(path), "ballast")
	if err := os.WriteFile(ballast, make([]byte, 400<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, Options{Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	fill := func() (err error) {
		for i := 0; i < 1000 && err == nil; i++ {
			k, v := fmt.Sprint(len(want)), strings.Repeat(fmt.Sprint(i), 700)
			if err = db.Write(t.Context(), put(k, v)); err == nil {
				want[k] = v
			}
		}
		return err
	}
	err = fill()
	if !errors.Is(err, ErrFull) && !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), path) {
		t.Errorf("the write that hit the end: %v", err)
	}
	t.Logf("%d rows, then: %v", len(want), err)
	same := func(when string, db *DB) {
		got := all(t, db)
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: %s was acknowledged and is %.20q", when, k, got[k])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d rows, want %d", when, len(got), len(want))
		}
	}
	same("on the full disk", db)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), put("room", "x")); err == nil {
		want["room"] = "x"
	} else if !errors.Is(err, ErrFailed) {
		t.Errorf("a write when there is room again: %v", err)
	}
	same("when there is room again", db)
	_ = db.Close()
	db = openAt(t, path, Options{})
	same("reopened", db)
	if err := db.Write(t.Context(), put("more", "x")); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	inNamespace(t, "TestChildFillsTheDisk", filepath.Join(t.TempDir(), "test.db"))
}

// TestChildHasAReadOnlyDisk is the other process of TestAReadOnlyDiskIsNamed.
func TestChildHasAReadOnlyDisk(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_DB")
	if path == "" || !mount(t, path, "size=8m") {
		return // it is a part of another test
	}
	dir := filepath.Dir(path)
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	db := openAt(t, path, Options{})
	if err := db.Write(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, path)
	refused(t, filepath.Join(dir, "new.db"))
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, path, Options{})
	if got := all(t, db); got["a"] != "1" {
		t.Errorf("got %v", got)
	}
	if err := db.Close(); err != nil { // before the disk goes
		t.Error(err)
	}
}

func TestAReadOnlyDiskIsNamed(t *testing.T) {
	inNamespace(t, "TestChildHasAReadOnlyDisk", filepath.Join(t.TempDir(), "test.db"))
}

// refused opens and writes, of which one has to fail and name the file.
func refused(t *testing.T, path string) {
	t.Helper()
	db, err := Open(t.Context(), path, Options{Schema: testSchema})
	if err == nil {
		err = db.Write(t.Context(), put("b", "2"))
		_ = db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%s: %v", path, err)
	}
	t.Log(err)
}

// TestChildIsNobody is the other process of TestWhatMayNotBeWrittenIsNamed: root may write
// anything, so it becomes somebody else.
func TestChildIsNobody(t *testing.T) {
	path := os.Getenv("SLUICE_TEST_DB")
	if path == "" {
		return // it is a part of another test
	}
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, path)
}

func TestWhatMayNotBeWrittenIsNamed(t *testing.T) {
	for name, mode := range map[string]struct{ dir, file os.FileMode }{
		"the folder":              {0o555, 0o666},
		"the file":                {0o777, 0o444},
		"the folder and the file": {0o555, 0o444},
		"not even read":           {0o755, 0o000},
	} {
		t.Run(name, func(t *testing.T) {
			top, err := os.MkdirTemp("", "nobody") // t.TempDir is closed to others
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(top, "data")
			t.Cleanup(func() {
				if err := errors.Join(os.Chmod(dir, 0o700), os.RemoveAll(top)); err != nil {
					t.Error(err)
				}
			})
			if err := errors.Join(os.Chmod(top, 0o755), os.Mkdir(dir, 0o700)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "test.db")
			db := openAt(t, path, Options{})
			if err := db.Write(t.Context(), put("a", "1")); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Close(), os.Chmod(path, mode.file), os.Chmod(dir, mode.dir)); err != nil {
				t.Fatal(err)
			}
			cmd := again(t, "TestChildIsNobody", path)
			if out, err := cmd.Output(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if err := errors.Join(os.Chmod(dir, 0o700), os.Chmod(path, 0o600)); err != nil {
				t.Fatal(err)
			}
			if got := all(t, openAt(t, path, Options{})); got["a"] != "1" || got["b"] != "" {
				t.Errorf("afterwards: %v", got)
			}
		})
	}
}
