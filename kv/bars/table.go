package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what was measured for a bar.
type table struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Rows  []row    `json:"rows"`
	Notes []string `json:"notes,omitempty"`

	settings `json:"-"`
}

// row compares us with one other, or with a number alone.
type row struct {
	What     string  `json:"what"`
	Ours     float64 `json:"ours"` // operations a second; or the number that is compared with Bar
	Unit     string  `json:"unit"`
	OursCPU  float64 `json:"ours_cpu_us,omitempty"` // microseconds an operation
	Other    string  `json:"other,omitempty"`
	Others   float64 `json:"others,omitempty"`
	OtherCPU float64 `json:"other_cpu_us,omitempty"`
	Ratio    float64 `json:"ratio,omitempty"` // the median of the rounds' ratios
	Least    float64 `json:"least_ratio,omitempty"`
	Most     float64 `json:"most_ratio,omitempty"`
	Bar      float64 `json:"bar"`
	AtMost   bool    `json:"at_most,omitempty"` // the bar is an upper one
	Shown    bool    `json:"shown,omitempty"`   // there is no bar for this row
	OK       bool    `json:"ok"`
}

// judge says whether the row keeps its bar.
func (r *row) judge() {
	of := r.Ours
	if r.Other != "" {
		of = r.Ratio
	}
	r.OK = r.Shown || !r.AtMost && of >= r.Bar || r.AtMost && of <= r.Bar
}

// add judges a row and keeps it.
func (t *table) add(r row) {
	r.judge()
	t.Rows = append(t.Rows, r)
}

// note adds a line below the table.
func (t *table) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// missed names the rows whose bar is not kept.
func (t *table) missed() (names []string) {
	for _, r := range t.Rows {
		if !r.OK {
			names = append(names, t.ID+" "+r.What)
		}
	}
	return names
}

// write prints the table, aligned.
func (t *table) write(w io.Writer) error {
	text := new(strings.Builder)
	out := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "%s  %s\tours\tCPU us\tthe other\t\tCPU us\tratio\t(least, most)\tbar\t\n", t.ID, t.Title)
	for _, r := range t.Rows {
		sign := ">="
		if r.AtMost {
			sign = "<="
		}
		verdict := "ok"
		if !r.OK {
			verdict = "MISSED"
		}
		limit := sign + " " + short(r.Bar)
		if r.Shown {
			limit, verdict = "", ""
		}
		if r.Other == "" {
			fmt.Fprintf(out, "  %s\t%s%s\t\t\t\t\t\t\t%s\t%s\n", r.What, figure(r.Ours), r.Unit, limit, verdict)
			continue
		}
		fmt.Fprintf(out, "  %s\t%s%s\t%.2f\t%s\t%s%s\t%.2f\t%.2f\t(%.2f, %.2f)\t%s\t%s\n",
			r.What, figure(r.Ours), r.Unit, r.OursCPU, r.Other, figure(r.Others), r.Unit, r.OtherCPU, r.Ratio, r.Least, r.Most, limit, verdict)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, n := range t.Notes {
		fmt.Fprintf(text, "  %s\n", n)
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// figure writes large numbers whole, with commas, and small ones with two places.
func figure(n float64) string {
	if n < 1000 {
		return short(n)
	}
	digits := strconv.FormatInt(int64(n+0.5), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// short writes a number with at most two places.
func short(n float64) string {
	return strconv.FormatFloat(float64(int64(n*100+0.5))/100, 'f', -1, 64)
}

// writeJSON writes v as a line.
func writeJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// micros is d in microseconds.
func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
