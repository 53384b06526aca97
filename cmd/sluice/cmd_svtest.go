package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-mail/sluice/sieve"
	"github.com/sluice-mail/sluice/sieve/testsuite"
)

func init() {
	commands = append(commands, func(*globals) *cobra.Command {
		var t svtest
		var run, fixtures string
		cmd := &cobra.Command{
			Use: "test FILE.svtest... | FOLDER...", Short: "Run test files of Sieve scripts",
			Long: "Runs test files of Sieve scripts, and all .svtest files below a folder. A test file is a Sieve script that requires\n" +
				"vnd.dovecot.testsuite: its blocks set a message, run scripts and look at what came of it, in a mail store of\n" +
				"their own. Nothing leaves, and nothing is stored.\n\n" +
				"Each block gives a line, \"ok NAME\" or \"FAILED: NAME: REASON (FILE:LINE:COL)\"; the last line is\n" +
				"\"N passed, N failed\". The exit code is 1 if a block failed, or a file could not be run to its end.",
			Args: cobra.MinimumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				if run != "" {
					re, err := regexp.Compile(run)
					if err != nil {
						return usage("--run: %v", err)
					}
					t.options.Run = re
				}
				if fixtures != "" {
					text, err := readFixtures(fixtures)
					if err != nil {
						return err
					}
					if t.options.Fixtures, err = parseFixtures(text); err != nil {
						return err
					}
					t.options.Auth = hostname("localhost").checker
				}
				t.out = cmd.OutOrStdout()
				t.options.Sieve = sieve.Options{Expressions: expressions{}, Stalwart: stalwartExpressions{}}
				if !t.json {
					t.options.Print = func(text string) { fmt.Fprintln(t.out, strings.TrimRight(text, "\n")) }
				}
				files, err := testFiles(args)
				if err != nil {
					return err
				}
				return t.run(cmd, files)
			},
		}
		jsonFlag(cmd, &t.json)
		cmd.Flags().StringVar(&t.junit, "junit", "", "also write a report in JUnit's form (XML) to this file")
		cmd.Flags().StringVar(&run, "run", "", "run only blocks whose names match this regular expression")
		cmd.Flags().BoolVar(&t.options.Programs, "programs", false, "let test files name folders of programs, which their scripts then may run")
		cmd.Flags().StringVar(&fixtures, "fixtures", "", "TOML or JSON file with what the DNS and web servers answer; without it scripts reach neither")
		cmd.Flags().BoolVar(&t.expectFailure, "expect-failure", false, "a block passes if it fails: for files that show what must not work")
		return cmd
	})
}

// testFiles returns the files that are named, and those below folders in order of their names.
func testFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		n := len(files)
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(path) == ".svtest" {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(files) == n {
			return nil, usage("%s holds no .svtest files", arg)
		}
	}
	return files, nil
}

// svtest is one call of sluice test.
type svtest struct {
	options       testsuite.Options
	out           io.Writer
	json          bool
	junit         string
	expectFailure bool
}

// fileResult is what came of a file, as --json prints it.
type fileResult struct {
	Path   string        `json:"path"`
	Error  string        `json:"error,omitempty"`
	Blocks []blockResult `json:"blocks"`

	passed, failed int
	took           time.Duration
}

type blockResult struct {
	Name   string `json:"name"`
	Line   int    `json:"line"`
	Col    int    `json:"col"`
	Passed bool   `json:"passed"`
	Reason string `json:"reason,omitempty"`
	At     string `json:"at,omitempty"` // line:col of what failed
	TookUS int64  `json:"took_us"`
}

func (t *svtest) run(cmd *cobra.Command, files []string) error {
	var results []fileResult
	passed, failed := 0, 0
	for _, path := range files {
		r := t.judge(testsuite.Run(cmd.Context(), path, t.options))
		if !t.json {
			t.print(&r, len(files) > 1)
		}
		results = append(results, r)
		passed, failed = passed+r.passed, failed+r.failed
	}
	if t.json {
		out := struct {
			Files  []fileResult `json:"files"`
			Passed int          `json:"passed"`
			Failed int          `json:"failed"`
		}{results, passed, failed}
		if err := printJSON(t.out, out); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(t.out, "%d passed, %d failed\n", passed, failed)
	}
	if t.junit != "" {
		if err := writeJUnit(t.junit, results); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}

// judge turns what came of a file into a result, upside down where failure is expected.
func (t *svtest) judge(f *testsuite.File) fileResult {
	r := fileResult{Path: f.Path, Blocks: []blockResult{}}
	for _, b := range f.Blocks {
		one := blockResult{Name: b.Name, Line: b.Line, Col: b.Col, Passed: b.Passed, Reason: b.Reason, At: b.At, TookUS: b.Took.Microseconds()}
		if t.expectFailure {
			if one.Passed = !b.Passed; b.Passed {
				one.Reason = "it passed, and should have failed"
				one.At = fmt.Sprintf("%d:%d", b.Line, b.Col)
			}
		}
		r.count(one.Passed)
		r.Blocks = append(r.Blocks, one)
		r.took += b.Took
	}
	if f.Err == nil {
		return r
	}
	if t.expectFailure {
		if len(f.Blocks) == 0 {
			r.passed++ // the file as a whole failed, as it should
		}
		return r
	}
	r.Error = f.Err.Error()
	r.failed++
	return r
}

func (r *fileResult) count(passed bool) {
	if passed {
		r.passed++
	} else {
		r.failed++
	}
}

func (t *svtest) print(r *fileResult, named bool) {
	if named {
		fmt.Fprintln(t.out, r.Path)
	}
	for _, b := range r.Blocks {
		if b.Passed {
			fmt.Fprintf(t.out, "ok %s\n", b.Name)
			continue
		}
		fmt.Fprintf(t.out, "FAILED: %s: %s (%s:%s)\n", b.Name, b.Reason, r.Path, b.At)
	}
	for line := range strings.Lines(r.Error) {
		fmt.Fprintf(t.out, "FAILED: %s\n", strings.TrimRight(line, "\n"))
	}
}

// The form of JUnit's reports, as far as those who read them agree on it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr,omitempty"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(path string, results []fileResult) error {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
	var all junitSuites
	var took time.Duration
	for _, r := range results {
		s := junitSuite{Name: r.Path, Tests: r.passed + r.failed, Failures: r.failed, Time: seconds(r.took)}
		class := strings.TrimSuffix(filepath.ToSlash(r.Path), ".svtest")
		for _, b := range r.Blocks {
			c := junitCase{Name: b.Name, Class: class, File: r.Path, Line: b.Line, Time: seconds(time.Duration(b.TookUS) * time.Microsecond)}
			if !b.Passed {
				c.Failure = &junitFailure{Message: b.Reason, Text: r.Path + ":" + b.At + ": " + b.Reason}
			}
			s.Cases = append(s.Cases, c)
		}
		if r.Error != "" {
			first, _, _ := strings.Cut(r.Error, "\n")
			s.Cases = append(s.Cases, junitCase{Name: "(file)", Class: class, File: r.Path, Time: seconds(0), Failure: &junitFailure{Message: first, Text: r.Error}})
		}
		all.Suites = append(all.Suites, s)
		all.Tests, all.Failures, took = all.Tests+s.Tests, all.Failures+s.Failures, took+r.took
	}
	all.Time = seconds(took)
	b, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	return os.WriteFile(path, slices.Concat([]byte(xml.Header), b, []byte("\n")), 0o644)
}
