package testsuite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/runtime"
	"github.com/sluice-mail/sluice/sieve"
)

// faults are the places at which the error scripts of Pigeonhole's suite are wrong: line and
// column of the first character of what has to be changed.
var faults = map[string]string{
	"address-part":      "8:39 11:21",
	"address":           "14:12 19:57 24:64 29:60 34:57 39:4 53:16 63:23",
	"comparator":        "8:12 11:12 14:12 17:12 20:12",
	"encoded-character": "11:10 17:10",
	"envelope":          "14:17 22:23",
	"fileinto":          "11:1 14:1 14:10 17:17 20:10 23:10 26:17 29:17 35:10",
	"header":            "10:11 15:45 20:52 25:52 30:45 35:4 45:25 50:1 55:1",
	"if":                "8:4 11:7 14:4 19:8 22:1 27:1 34:1 46:1 60:3 65:4 72:3",
	"keep":              "8:6 11:6",
	"lexer":             "12:16 17:16 22:15 27:15 32:15 37:15 61:4 66:10",
	"match-type":        "3:11",
	"out-address":       "5:10 6:10 7:10 8:10 9:10 10:10 11:10 12:10 13:10 14:10 15:10 16:10 17:10 18:10 20:16",
	"parser":            "9:103 15:7 15:7 22:13 39:68 65:6 76:6 76:6",
	"require":           "11:1 14:20 17:9 20:10 20:19 20:29 23:10 23:22 23:30 26:24 29:9 32:20 38:3 42:1",
	"size":              "8:1 11:4 15:4 30:16 35:15 40:13",
	"stop":              "8:6 11:6 14:6 17:6 20:8 23:6 28:6 28:13",
	"tag":               "8:4 13:9",
	"typos":             "12:16 18:1 20:17 27:4 27:12",
	"unsupported":       "19:24 27:9",
}

// judged is how many errors Pigeonhole 0.5.19 reports for these scripts, its closing lines left out.
var judged = map[string]int{
	"address-part": 2, "address": 8, "comparator": 5, "encoded-character": 2, "envelope": 2, "fileinto": 9, "header": 9,
	"if": 11, "keep": 2, "lexer": 8, "match-type": 1, "out-address": 15, "parser": 8, "require": 14, "size": 6, "stop": 8,
	"tag": 2, "typos": 5, "unsupported": 2,
}

func TestErrorScriptsHaveAllErrorsAtTheirPlaces(t *testing.T) {
	dir := filepath.Join(pigeonhole(t), "compile", "errors")
	scripts, err := filepath.Glob(filepath.Join(dir, "*.sieve"))
	if err != nil || len(scripts) != len(faults) {
		t.Fatalf("%d error scripts, expected %d: %v", len(scripts), len(faults), err)
	}
	l := sieve.New(sieve.Options{Enabled: []string{"*"}, ASCIIAddresses: true})
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".sieve")
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.Compile(filepath.Base(path), source, runtime.CompileOptions{Stage: runtime.StageDeliver, Trust: runtime.Admin})
			list, ok := errors.AsType[sieve.Errors](err)
			if !ok {
				t.Fatalf("no list of errors: %v", err)
			}
			if len(list) < judged[name] {
				t.Errorf("%d errors, the judge finds %d", len(list), judged[name])
			}
			var places []string
			for _, e := range list {
				places = append(places, e.Pos.String())
				if e.End.Line < e.Pos.Line || e.Msg == "" || e.Name != filepath.Base(path) {
					t.Errorf("error without end, text or name: %+v", e)
				}
			}
			if diff := cmp.Diff(strings.Fields(faults[name]), places); diff != "" {
				t.Errorf("places (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}
