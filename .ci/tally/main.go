// Command tally reads `go test -json` from standard input, prints what failed or was
// skipped and why, and ends with the line `N passed, N failed`. It exits
// with 1 if anything failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

func main() {
	counts := map[string]int{}
	output := map[string][]string{}
	var skipped []string
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // a build error that is no JSON
			continue
		}
		key := e.Package + e.ImportPath + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
		case "build-fail":
			fmt.Print(strings.Join(output[key], ""))
			counts["fail"]++
		case "pass", "fail", "skip":
			if e.Test != "" {
				counts[e.Action]++
			} else if e.Action == "fail" {
				counts["fail"]++
			}
			if e.Action == "fail" {
				fmt.Print("--- ", e.Package, " ", e.Test, "\n", strings.Join(output[key], ""))
			}
			if e.Action == "skip" && e.Test != "" {
				skipped = append(skipped, "SKIPPED "+e.Package+" "+e.Test+": "+reason(output[key]))
			}
			if e.Test == "" {
				fmt.Printf("%-5s %-55s %.1fs\n", e.Action, e.Package, e.Elapsed)
			}
			delete(output, key)
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
	for _, s := range skipped {
		fmt.Println(s)
	}
	fmt.Printf("%d skipped\n%d passed, %d failed\n", counts["skip"], counts["pass"], counts["fail"])
	if counts["fail"] > 0 || counts["pass"] == 0 {
		os.Exit(1)
	}
}

// reason is the text of a t.Skip.
func reason(lines []string) string {
	for _, l := range lines {
		if s := strings.TrimSpace(l); s != "" && !strings.HasPrefix(s, "===") && !strings.HasPrefix(s, "---") {
			return s
		}
	}
	return "no reason given"
}
