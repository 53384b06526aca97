package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sluice-mail/sluice/runtime"
)

// maxModule bounds the octets that are read of a module; JavaScript takes less.
const maxModule = 1 << 20

// moduleOf returns what gives the modules of the script at a path: the files of its folder. No link
// leads out of it.
func moduleOf(path string) func(name string) (string, []byte, error) {
	folder := filepath.Dir(path)
	return func(name string) (string, []byte, error) {
		file := filepath.Join(folder, name)
		source, err := readModule(folder, name)
		if errors.Is(err, syscall.ENOTDIR) {
			err = fs.ErrNotExist
		}
		return file, source, err
	}
}

func readModule(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // nobody waits for a pipe's other end
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no file")
	case info.Size() > maxModule:
		return nil, fmt.Errorf("it has %d octets, at most %d are taken", info.Size(), maxModule)
	}
	source, err := io.ReadAll(io.LimitReader(f, maxModule+1))
	if err == nil && len(source) > maxModule {
		return nil, fmt.Errorf("it has over %d octets", maxModule)
	}
	return source, err
}

// gathered compiles a script and returns the modules that it asked for, so that they can travel with
// it. What is wrong with any of them is said where the script is run.
func gathered(e *runtime.Engine, path string, source []byte) map[string]runtime.Module {
	all := map[string]runtime.Module{}
	read := moduleOf(path)
	o := runtime.CompileOptions{Trust: runtime.Admin, Module: func(name string) (string, []byte, error) {
		file, source, err := read(name)
		if err == nil {
			all[name] = runtime.Module{File: file, Source: source}
		}
		return file, source, err
	}}
	_, _ = e.Compile(path, source, o)
	return all
}

// moduleIn gives the modules that travelled with a script.
func moduleIn(all map[string]runtime.Module) func(name string) (string, []byte, error) {
	return func(name string) (string, []byte, error) {
		if m, ok := all[name]; ok {
			return m.File, m.Source, nil
		}
		return "", nil, fs.ErrNotExist
	}
}
