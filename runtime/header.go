package runtime

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/sluice-mail/sluice/mail"
)

// field returns the header field that a call is about: its name is argument 0, and argument at the
// index. It is nil if there is none.
func (e *Env) field(a Args, at int) (*mail.Field, error) {
	h, err := e.header()
	if err != nil {
		return nil, err
	}
	list, i, err := pickField(h.Fields(), a.String(0), a.Int(at))
	if err != nil {
		return nil, fmt.Errorf("argument %d (index): %w", at+1, err)
	}
	if i < 0 {
		return nil, nil
	}
	return &list[i], nil
}

// pickField returns the number of a field: the one of that name with an index that counts from 1,
// or from -1 from the end; -1 if there is none.
func pickField(list []mail.Field, name string, index int64) ([]mail.Field, int, error) {
	if index == 0 {
		return list, -1, fmt.Errorf("0 is no index; the first is 1, the last -1")
	}
	for k := range list {
		i := k
		if index < 0 {
			i = len(list) - 1 - k
		}
		if !strings.EqualFold(list[i].Name, name) {
			continue
		}
		if index == 1 || index == -1 {
			return list, i, nil
		}
		if index > 0 {
			index--
		} else {
			index++
		}
	}
	return list, -1, nil
}

// eachField returns what value makes of all fields of that name.
func (e *Env) eachField(name string, value func(f *mail.Field) Value) (Value, error) {
	h, err := e.header()
	if err != nil {
		return nil, err
	}
	out := []Value{}
	list := h.Fields()
	size := int64(0)
	for i := range list {
		if len(out) == maxHeaderValues {
			break
		}
		if !strings.EqualFold(list[i].Name, name) {
			continue
		}
		v := value(&list[i])
		size += SizeOf(v)
		if err := e.made(size); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// short returns a text of the message that is no longer than what a run may make of text.
func (e *Env) short(s string) (Value, error) {
	if err := e.made(int64(len(s))); err != nil {
		return nil, err
	}
	return s, nil
}

// rawValue returns what stands behind the colon of a field.
func rawValue(f *mail.Field) string {
	_, v, _ := bytes.Cut(f.Raw, []byte{':'})
	return string(bytes.Trim(v, " \t\r\n"))
}

// dateOf returns the date that a field says, in unix seconds, or null.
func dateOf(f *mail.Field) Value {
	v := f.Value()
	if i := strings.LastIndexByte(v, ';'); i >= 0 {
		v = v[i+1:]
	}
	t, err := mail.ParseDate(v)
	if err != nil {
		return nil
	}
	return t.Unix()
}
