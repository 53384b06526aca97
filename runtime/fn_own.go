package runtime

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/sluice-mail/sluice/mail"
)

// maxRecipients bounds the recipients of one send.
const maxRecipients = 100

func init() {
	register(Function{
		Name: "act", Family: ownFamily, Doc: "Appends an action, as ActionValue gives it.",
		Params: []Param{{Name: "action", Kind: Map, Doc: "fields of an Action under their names in JSON"}},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Call: func(e *Env, args Args) (Value, error) {
			a, err := actionOf(args.Map(0))
			if err == nil {
				err = checkAction(&a)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cut(string(a.Kind), 20), err)
			}
			return true, e.Act(a)
		},
	})
	register(Function{
		Name: "edit_keep", Family: ownFamily, Doc: "Sets what an implicit keep stores.",
		Params: []Param{{Name: "header", Kind: Bytes, Doc: "in place of the message's"}, {Name: "raw", Kind: Bytes, Doc: "in place of the message"}},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Call: func(e *Env, a Args) (Value, error) {
			header, _ := a[0].([]byte)
			raw, _ := a[1].([]byte)
			d := &e.run.edit
			if err := e.run.hold(len(header) + len(raw) - len(d.header) - len(d.raw)); err != nil {
				return nil, err
			}
			e.run.setVersion(header, raw)
			return true, nil
		},
	})
}

// Act asks for an action of any kind but marks, with all its fields. It is for the code of a
// Composer; the core checks what it gets.
func (t *Task) Act(a Action) error {
	_, err := t.Invoke("act", ActionValue(a))
	return err
}

// EditKeep sets what an implicit keep stores: a header in place of the message's, the empty
// line included, or raw in place of the whole message; both nil: the message as it came. It
// is for the code of a Composer.
func (t *Task) EditKeep(header, raw []byte) error {
	_, err := t.Invoke("edit_keep", header, raw)
	return err
}

// each calls f with each field of the action, under its name in JSON.
func (a *Action) each(f func(name string, v reflect.Value)) {
	v := reflect.ValueOf(a).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		f(name, v.Field(i))
	}
}

// ActionValue returns an action as a map of values, without what is zero.
func ActionValue(a Action) map[string]Value {
	m := map[string]Value{}
	a.each(func(name string, v reflect.Value) {
		if v.IsZero() {
			return
		}
		switch x := v.Interface().(type) {
		case []string:
			list := make([]Value, len(x))
			for i, s := range x {
				list[i] = s
			}
			m[name] = list
		case map[string]string:
			params := map[string]Value{}
			for k, s := range x {
				params[k] = s
			}
			m[name] = params
		case ActionKind:
			m[name] = string(x)
		case time.Duration:
			m[name] = int64(x)
		case []byte, string, bool:
			m[name] = x
		default:
			if v.Kind() == reflect.Uint8 {
				m[name] = int64(v.Uint())
			} else {
				m[name] = x
			}
		}
	})
	return m
}

// actionOf reads what ActionValue wrote.
func actionOf(m map[string]Value) (a Action, err error) {
	left := len(m)
	a.each(func(name string, v reflect.Value) {
		x, given := m[name]
		if !given || err != nil {
			return
		}
		left--
		ok := true
		switch p := v.Addr().Interface().(type) {
		case *[]string:
			list, isList := x.([]Value)
			ok = isList
			for _, e := range list {
				s, isString := e.(string)
				*p, ok = append(*p, s), ok && isString
			}
		case *map[string]string:
			params, isMap := x.(map[string]Value)
			ok = isMap
			*p = map[string]string{}
			for k, e := range params {
				s, isString := e.(string)
				(*p)[k], ok = s, ok && isString
			}
		case *ActionKind:
			var s string
			s, ok = x.(string)
			*p = ActionKind(s)
		case *[]byte:
			*p, ok = x.([]byte)
		case *string:
			*p, ok = x.(string)
		case *bool:
			*p, ok = x.(bool)
		default:
			ok = false // of marks
		}
		if !ok {
			err = fmt.Errorf("field %s: a %T does not belong there", name, x)
		}
	})
	if err == nil && left > 0 {
		err = errors.New("unknown fields")
	}
	return a, err
}

// checkAction says what is wrong with an action that a Composer asks for, and brings its
// flags into their form.
func checkAction(a *Action) error {
	a.Implicit, a.Flags = false, NormalFlags(a.Flags)
	switch a.Kind {
	case Keep, Discard:
	case FileInto, FileCopy:
		if err := CheckMailbox(a.Mailbox); err != nil && (a.Mailbox != "" || a.SpecialUse == "" && a.MailboxID == "") {
			return err
		}
		if a.Kind == FileCopy && len(a.Raw) == 0 {
			return errors.New("no message to file")
		}
	case Pipe:
		if err := CheckProgram(a.Program); err != nil {
			return err
		}
		return CheckProgramArgs(a.Args)
	case Redirect, Send:
		switch a.As {
		case "", AsVacation, AsNotify, AsReport:
		default:
			return fmt.Errorf("%q is nothing that is sent", cut(a.As, 40))
		}
		if a.Kind == Send && len(a.Raw) == 0 {
			a.Address, a.Others = "", nil // must not be sent
			return nil
		}
		return checkEnvelope(a)
	default:
		return fmt.Errorf("%q is no such action", cut(string(a.Kind), 40))
	}
	return nil
}

// espParams are the parameters that an action may have.
var espParams = []string{"NOTIFY", "RET", "ENVID", "ORCPT", "BY"}

// checkEnvelope checks addresses and parameters of what leaves.
func checkEnvelope(a *Action) error {
	to := a.Recipients()
	if len(to) == 0 || len(to) > maxRecipients {
		return fmt.Errorf("%d recipients, 1 to %d are possible", len(to), maxRecipients)
	}
	for _, s := range append(to, a.From, a.By) {
		if s == "" || s == NullSender {
			continue
		}
		if _, err := mail.ParseAddress(s); err != nil {
			return err
		}
	}
	for name, v := range a.Params {
		if !contains(espParams, name) {
			return fmt.Errorf("unknown parameter %q", cut(name, 40))
		}
		if v == "" || len(v) > 500 || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("parameter %s has no value that can be sent", name)
		}
	}
	return nil
}
