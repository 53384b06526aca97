package runtime

import (
	"maps"
	"slices"
	"strings"
)

// masked stands in records for what is nobody's business.
const masked = "***"

// openHeaders are the header fields of requests whose values hold no secrets. All others do, or may:
// nobody can tell which fields of X- an API takes for a key.
var openHeaders = []string{"accept", "accept-language", "if-modified-since", "if-none-match", "user-agent"}

// maskArgs returns the arguments of a call as a record keeps them: of requests without the values of
// header fields that may hold secrets. A replay compares what it is asked in this form.
func maskArgs(f *Function, args []Value) []Value {
	if f.Asks != asksHTTP {
		return args
	}
	for i, a := range args {
		options, _ := a.(map[string]Value)
		fields, _ := options["headers"].(map[string]Value)
		if len(fields) == 0 {
			continue
		}
		hidden := make(map[string]Value, len(fields))
		for name, v := range fields {
			if !contains(openHeaders, strings.ToLower(name)) {
				v = masked
			}
			hidden[name] = v
		}
		options = maps.Clone(options)
		options["headers"] = hidden
		args = slices.Clone(args)
		args[i] = options
	}
	return args
}

// maskResult returns the result of a call as people are shown it. In the record it is whole: the rest of
// the run goes by it.
func maskResult(function string, v Value) Value {
	answer, _ := v.(map[string]Value)
	fields, _ := answer["headers"].(map[string]Value)
	if f := Lookup(function); f == nil || f.Asks != asksHTTP || fields["set-cookie"] == nil {
		return v
	}
	answer, fields = maps.Clone(answer), maps.Clone(fields)
	fields["set-cookie"], answer["headers"] = masked, fields
	return answer
}
