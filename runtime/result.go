package runtime

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// resultJSON is what ResultJSON writes.
type resultJSON struct {
	Script   string       `json:"script"`
	Language string       `json:"language"`
	Plan     []actionJSON `json:"plan"`
	Value    any          `json:"value,omitempty"`
	Error    string       `json:"error"`
	TookUS   int64        `json:"took_us"`
}

// actionJSON is an Action with its value, time and octets fit for JSON.
type actionJSON struct {
	Action
	Value  any     `json:"value,omitempty"`
	TTL    float64 `json:"ttl,omitempty"` // seconds
	Header string  `json:"header,omitempty"`
	Raw    string  `json:"raw,omitempty"`
}

// ResultJSON returns a run as one JSON object: script, language, plan, value, error and
// took_us. The plan is what is settled, the implicit keep or the refusal with it; `"error"` is
// `""` for a run that did not fail.
func ResultJSON(r *Result, s Settled) ([]byte, error) {
	out := resultJSON{Script: r.Record.Script, Language: r.Record.Language, Plan: planJSON(s),
		Value: jsonValue(r.Value), TookUS: r.Record.Took.Microseconds()}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("runtime: result: %w", err)
	}
	return b, nil
}

// PlanJSON returns what was settled as ResultJSON shows it: a list of actions.
func PlanJSON(s Settled) ([]byte, error) {
	b, err := json.Marshal(planJSON(s))
	if err != nil {
		return nil, fmt.Errorf("runtime: plan: %w", err)
	}
	return b, nil
}

func planJSON(s Settled) []actionJSON {
	out := []actionJSON{}
	actions := s.Actions
	if s.Refused != nil {
		actions = append([]Action{*s.Refused}, actions...)
	}
	for _, a := range actions {
		out = append(out, actionJSON{Action: a, Value: jsonValue(a.Value), TTL: a.TTL.Seconds(),
			Header: strings.ToValidUTF8(string(a.Header), "\uFFFD"), Raw: strings.ToValidUTF8(string(a.Raw), "\uFFFD")})
	}
	return out
}

// jsonValue returns v with what JSON lacks as text: NaN and the infinities.
func jsonValue(v Value) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case []Value:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonValue(e)
		}
		return out
	case map[string]Value:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonValue(e)
		}
		return out
	}
	return v
}
