package runtime

import "strings"

// IsVariable says whether a language with variables of the transaction, such as expr, offers the
// function as one: it is asked for without arguments and only tells of the transaction.
func (f *Function) IsVariable() bool {
	return f.Effect == Pure && len(f.Params) == 0 && (f.Family == "envelope" || f.Family == "message")
}

// KnownAt returns the stages at which the value of a variable is known; nil: all. A call of the
// function may be lawful before that, and gives an empty value there.
func (f *Function) KnownAt() []Stage {
	if f.known != nil {
		return f.known
	}
	return f.Stages
}

// Read returns the value of a variable that the view has at hand, and false if it takes a call.
func (f *Function) Read(v *View) (Value, bool) {
	if f.value == nil {
		return nil, false
	}
	return f.value(v), true
}

// Nullable says whether a call may return null although Result is another kind.
func (f *Function) Nullable() bool {
	return f.Result == Any || strings.Contains(f.Doc, "null")
}

// notAt says that a function is not lawful at a stage, and where it is.
func (f *Function) notAt(s Stage) string {
	return f.Name + " is not lawful at stage " + string(s) + "; it is at " + StageNames(f.Stages)
}

// StageNames returns stages as errors name them; nil: all.
func StageNames(list []Stage) string {
	if list == nil {
		list = Stages
	}
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// The stages at which a transaction knows what the envelope functions tell.
var (
	withClient = Stages[:6:6] // connect to deliver
	withHelo   = Stages[1:6:6]
	withMail   = Stages[2:6:6]
	withRcpt   = append(Stages[3:6:6], StageIMAP) // in an event of the mail store it is the account's
)
