package stalwart

import (
	"errors"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

// Source is what an expression reads beside the functions.
type Source interface {
	// Variable returns the value of a variable of the script around it, by its name in lower case.
	Variable(name string) runtime.Value
	// Capture returns what group n of the script's last match holds, the whole match being 0.
	Capture(n int) string
	// Fields returns the header fields that header paths read: those of the part that a loop is
	// at, else those of the message; nil before there is one.
	Fields() []mail.Field
	// Message returns the message, nil before there is one.
	Message() *mail.Message
	// Part returns the part that a loop is at, nil outside of one.
	Part() *mail.Part
}

// viewSource is what an expression file reads: a message, and no variables.
type viewSource struct{ view *runtime.View }

func (viewSource) Variable(string) runtime.Value { return "" }
func (viewSource) Capture(int) string            { return "" }
func (viewSource) Part() *mail.Part              { return nil }

func (v viewSource) Message() *mail.Message { return v.view.Mail() }

func (v viewSource) Fields() []mail.Field {
	if m := v.view.Mail(); m != nil {
		return m.Header().Fields()
	}
	return nil
}

// state is one run of an expression or file.
type state struct {
	task     *runtime.Task
	source   Source
	memory   int64 // octets that may still be held
	file     string
	places   *runtime.Places
	sieve    bool
	captures []string // of the last matches()
	patterns map[string]*pattern
}

// eval evaluates a node; an error gets its place, the innermost.
func (s *state) eval(n node) (runtime.Value, error) {
	err := s.task.Step(1)
	if err == nil {
		var v runtime.Value
		if v, err = n.eval(s); err == nil {
			return v, nil
		}
	}
	if _, placed := errors.AsType[*runtime.SourceError](err); !placed {
		line, col := s.places.At(n.offset())
		err = &runtime.SourceError{File: s.file, Line: line, Col: col, Msg: err.Error(), Err: err}
	}
	return nil, err
}

// hit tells the outcome at a site, if somebody asked for it.
func (s *state) hit(site int, v runtime.Value) {
	if site < 0 {
		return
	}
	o := runtime.False
	if Truth(v) {
		o = runtime.True
	}
	s.task.Hit(site, o)
}

// hold counts n octets that the run keeps from now on.
func (s *state) hold(n int64) error {
	s.memory -= n
	if s.memory < 0 {
		return &runtime.LimitError{Limit: "memory", Max: s.task.Limits().Memory}
	}
	return nil
}

// elements counts an array of n elements that is about to be made.
func (s *state) elements(n int) error {
	if err := s.task.Step(int64(n)); err != nil {
		return err
	}
	return s.hold(int64(n) * runtime.ElementSize)
}

// made counts n octets of text that are about to be made.
func (s *state) made(n int) error {
	if err := s.task.Output(n); err != nil {
		return err
	}
	return s.hold(int64(n))
}

// held counts a value that came from outside.
func (s *state) held(v runtime.Value) error {
	switch v := v.(type) {
	case string:
		return s.hold(int64(len(v)))
	case []runtime.Value:
		if err := s.elements(len(v)); err != nil {
			return err
		}
		for _, e := range v {
			if err := s.held(e); err != nil {
				return err
			}
		}
	case map[string]runtime.Value:
		if err := s.elements(len(v)); err != nil {
			return err
		}
		for _, e := range v {
			if err := s.held(e); err != nil {
				return err
			}
		}
	}
	return nil
}
