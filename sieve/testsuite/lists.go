package testsuite

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/sluice-mail/sluice/runtime"
)

// What the settings of an external list begin with, and what the keys of its dictionary do.
const (
	listSettings = "sieve_extlists_list/"
	listKeys     = "priv/sieve/extlists/"
	listURN      = "urn:ietf:params:sieve"
)

// list returns the external list that the settings define under a name; nil if they define
// none. Its entries are keys of a dictionary, a file in which each is followed by a line with
// its value; without a file it is empty.
func (s *suite) list(name string) (runtime.ExtList, error) {
	for _, name := range []string{name, strings.TrimPrefix(name, listURN)} {
		if _, ok := s.listed[listSettings+name+"/name"]; !ok {
			continue
		}
		path := s.listed[listSettings+name+"/dict/file/path"]
		if path == "" {
			return extList(nil), nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		list := extList{}
		for i, line := range strings.Split(string(data), "\n") {
			if entry, ok := strings.CutPrefix(line, listKeys); ok && i%2 == 0 {
				list = append(list, entry)
			}
		}
		return list, nil
	}
	return nil, nil
}

// extList is an external list in memory.
type extList []string

// Has says whether the list holds a value.
func (l extList) Has(_ context.Context, value string) (bool, error) {
	return slices.ContainsFunc(l, func(s string) bool { return strings.EqualFold(s, value) }), nil
}

// Entries returns the first entries.
func (l extList) Entries(_ context.Context, most int) ([]string, error) {
	return l[:min(most, len(l))], nil
}
