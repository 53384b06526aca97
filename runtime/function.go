package runtime

// Effect says what a call of a function touches. A function with several is declared
// with the strongest. Only Pure and Acts are done inside the run; the others pass
// through Task's Host.
type Effect uint8

// The effects.
const (
	Pure    Effect = iota // a function of its arguments and the transaction
	Acts                  // appends to the plan
	Reads                 // reads a store or the mail store
	Writes                // changes a store at once
	Network               // asks somebody else
)

// Trust is who owns a script.
type Trust uint8

// The owners.
const (
	User Trust = iota
	Admin
)

// Param is a parameter of a function. A parameter after the first Optional one is
// optional too. Rest may stand on the last: it takes any number of arguments.
type Param struct {
	Name     string
	Kind     Kind
	Doc      string
	Optional bool
	Default  Value
	Rest     bool
}

// Example is a call and its result. Code is an expression that means the same in all
// languages (function calls with literal arguments); Want is a literal. It is run in
// every language by tests, in a fresh store; several lines of Setup run before it. A call
// that fails has Error in place of Want: the text of the error, without its place.
//
// Message names the message that it is run on, "" for the plain one and "parts" for one with
// attachments; Stage is the stage, "" for deliver. See Transaction.
type Example struct {
	Setup   []string
	Code    string
	Want    string
	Error   string
	Message string
	Stage   Stage
}

// Outcome returns what the reference shows behind the arrow: the result, or the error.
func (x Example) Outcome() string {
	if x.Error != "" {
		return "error: " + x.Error
	}
	return x.Want
}

// Function is one line of the table that all languages call.
type Function struct {
	Name     string
	Family   string // kv, counter, rate, lock, mail, text, address
	Doc      string
	Params   []Param
	Result   Kind
	Effect   Effect
	Asks     string  // dns or http, if its effect is Network and it asks nothing else
	Stages   []Stage // nil: all
	Trust    Trust   // least trust that may call it
	Examples []Example
	// Call does it. The arguments have the declared kinds, defaults are filled in.
	// Env.Stores and the like are nil for Pure and Acts.
	Call func(e *Env, a Args) (Value, error)
	// idle says that a call asks nobody, although the effect is Network; nil: never.
	idle func(e *Env, a Args) bool
	// value reads a variable from the view, where it has it at hand.
	value func(*View) Value
	// known are the stages that know a variable; nil: Stages.
	known []Stage
}
