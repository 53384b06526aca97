package sieve

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Scan says where a scanner's verdict stands in a message, and what it means.
type Scan struct {
	// Header is the name of the field, or the name, a colon and a regular expression, whose first
	// group (else all that matches) is the verdict. "": messages are not scanned.
	Header string
	// Type is score (a number, the default), strlen (as many characters as the score) or text.
	Type string
	// Max is the score that counts as the worst, for score and strlen.
	Max float64
	// MaxHeader names a field that holds Max, in the form of Header; "": Max does.
	MaxHeader string
	// Texts are the verdicts of the type text, by the value that they stand for: 0 to 10 for
	// spamtest, 0 to 5 for virustest. "" stands for none.
	Texts []string
}

// Check returns what is wrong with the settings; nil if nothing is.
func (s *Scan) Check() error {
	if s.Header == "" {
		return nil
	}
	var errs []error
	if _, err := scanField(s.Header); err != nil {
		errs = append(errs, fmt.Errorf("header: %w", err))
	}
	switch s.Type {
	case "", "score", "strlen":
		if s.MaxHeader != "" {
			if _, err := scanField(s.MaxHeader); err != nil {
				errs = append(errs, fmt.Errorf("max-header: %w", err))
			}
		} else if s.Max <= 0 {
			errs = append(errs, errors.New("max: expected the worst score, over 0"))
		}
	case "text":
		if strings.Join(s.Texts, "") == "" {
			errs = append(errs, errors.New("texts: expected the verdicts in their order"))
		}
	default:
		errs = append(errs, fmt.Errorf("type %q: expected score, strlen or text", s.Type))
	}
	return errors.Join(errs...)
}

// statusField is a field and what of it is wanted.
type statusField struct {
	name    string
	pattern *regexp.Regexp // nil: all
}

// statusFields are the fields of settings, which are few.
var statusFields sync.Map // by setting: *statusField

func scanField(setting string) (*statusField, error) {
	if f, ok := statusFields.Load(setting); ok {
		return f.(*statusField), nil
	}
	name, pattern, ok := strings.Cut(setting, ":")
	f := &statusField{name: strings.TrimSpace(name)}
	if f.name == "" || strings.ContainsFunc(f.name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, fmt.Errorf("%q is no name of a header field", clip(name))
	}
	if pattern = strings.TrimSpace(pattern); ok && pattern != "" {
		k, err := newRegexKey(pattern, &Comparator{})
		if err != nil {
			return nil, err
		}
		f.pattern = k.re
	}
	statusFields.Store(setting, f)
	return f, nil
}

// verdict returns what a field says, false if it is not there or says nothing that is wanted.
func (r *Run) verdict(setting string) (string, bool, error) {
	f, err := scanField(setting)
	if err != nil {
		return "", false, err
	}
	values := r.field(&headerName{slot: -1, text: &Text{constant: f.name}}).values(r)
	if len(values) == 0 {
		return "", false, nil
	}
	text := strings.TrimSpace(values[0].Text)
	if f.pattern == nil {
		return text, true, nil
	}
	if r.work(64 * len(text)) {
		return "", false, nil
	}
	switch m := f.pattern.FindStringSubmatch(text); {
	case m == nil:
		return "", false, nil
	case len(m) > 1:
		return m[1], true, nil
	default:
		return m[0], true, nil
	}
}

// ratio returns where a verdict lies between the best (0) and the worst (1) of most values. False
// says that the message was not scanned, as far as one can tell.
func (s *Scan) ratio(r *Run, test string, most int) (float64, bool) {
	if s.Header == "" {
		return 0, false
	}
	failed := func(err error) (float64, bool) {
		r.Note("%s: %s", test, err)
		return 0, false
	}
	text, ok, err := r.verdict(s.Header)
	if err != nil {
		return failed(err)
	}
	if !ok {
		return 0, false
	}
	score := 0.0
	switch s.Type {
	case "text":
		for i, t := range s.Texts[:min(len(s.Texts), most+1)] {
			if t != "" && t == text {
				return float64(i-1) / float64(most-1), i > 0
			}
		}
		return failed(fmt.Errorf("%q is none of the known verdicts", clip(text)))
	case "strlen":
		score = float64(utf8.RuneCountInString(text))
	default:
		if score, err = strconv.ParseFloat(text, 64); err != nil || score != score {
			return failed(fmt.Errorf("%q is no score", clip(text)))
		}
	}
	worst := s.Max
	if s.MaxHeader != "" {
		text, ok, err := r.verdict(s.MaxHeader)
		if err == nil && ok {
			worst, err = strconv.ParseFloat(text, 64)
		}
		if err != nil || !ok {
			return failed(fmt.Errorf("%q is no score that counts as the worst", clip(text)))
		}
	}
	if !(worst > 0) {
		return failed(errors.New("no score is set that counts as the worst"))
	}
	return min(max(score/worst, 0), 1), true
}
