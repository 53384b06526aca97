package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/scripts"
	"github.com/sluice-mail/sluice/sieve"
)

// maxIncluded bounds the octets that are read of an included script; Sieve refuses less.
const maxIncluded = 64 << 20

// includeOf returns what gives the scripts that the one at a path includes: personal ones lie
// beside it, global ones in the folder that the configuration names.
func includeOf(c *Config) func(path string) func(location, name string) (string, []byte, error) {
	return func(path string) func(location, name string) (string, []byte, error) {
		return func(location, name string) (string, []byte, error) {
			folder := filepath.Dir(path)
			if location == sieve.IncludeGlobal {
				folder = c.Sieve.Scripts
			}
			if folder == "" {
				return "", nil, fmt.Errorf("script %q: %w", name, fs.ErrNotExist)
			}
			file := filepath.Join(folder, name+".sieve")
			// No link leads out of the folder.
			f, err := os.OpenInRoot(folder, name+".sieve")
			if err != nil {
				return file, nil, err
			}
			defer func() { _ = f.Close() }()
			source, err := io.ReadAll(io.LimitReader(f, maxIncluded))
			return file, source, err
		}
	}
}

// lists are the external lists of the configuration, whose files are kept in memory once they
// were read.
type lists struct {
	config []ListConfig
	files  map[string]*runtime.FileList
}

func newLists(c *Config) *lists {
	l := &lists{config: c.Sieve.List, files: map[string]*runtime.FileList{}}
	for _, one := range l.config {
		if one.File != "" {
			l.files[one.Name] = &runtime.FileList{Path: one.File, Pairs: one.Pairs}
		}
	}
	return l
}

// of returns what finds the lists that scripts of a trust may ask.
func (l *lists) of(trust runtime.Trust, store func(string) (kv.Store, error)) func(name string) (runtime.ExtList, error) {
	return func(name string) (runtime.ExtList, error) {
		for _, one := range l.config {
			switch {
			case one.Name != name || trust == runtime.User && !one.User:
			case one.File != "":
				return l.files[name], nil
			default:
				return &runtime.StoreList{Store: func() (kv.Store, error) { return store(one.Store) },
					Namespace: scripts.AdminNamespace("admin"), Prefix: one.Prefix}, nil
			}
		}
		return nil, nil
	}
}
