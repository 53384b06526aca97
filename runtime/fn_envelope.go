package runtime

func init() {
	for _, f := range []struct {
		name, doc string
		result    Kind
		value     func(*View) Value
		want      string
		known     []Stage
	}{
		{"sender", "Returns the envelope sender; `\"\"` for `<>`.", String,
			func(v *View) Value { return v.From.Address }, `"alice@example.net"`, withMail},
		{"recipient", "Returns the envelope recipient that the script runs for; `\"\"` where there is none yet.", String,
			func(v *View) Value { return v.Rcpt.Address }, `"bob+news@example.org"`, withRcpt},
		{"recipients", "Returns all envelope recipients so far.", List, recipients, `["bob+news@example.org", "carol@example.com"]`, withRcpt},
		{"recipient_detail", "Returns what follows the + of the recipient's local part; `\"\"` if there is none.", String,
			func(v *View) Value { return v.Rcpt.Detail }, `"news"`, withRcpt},
		{"account", "Returns the name of the account that the recipient belongs to; `\"\"` if there is none.", String,
			func(v *View) Value { return v.Rcpt.Name }, `"bob"`, withRcpt},
		{"client_ip", "Returns the IP address of the client; `\"\"` if it is not known.", String, clientIP, `"192.0.2.25"`, withClient},
		{"client_ptr", "Returns the host name that the client's address has in DNS; `\"\"` if it is not known.", String,
			func(v *View) Value { return v.Client.PTR }, `"mx.example.net"`, withClient},
		{"client_helo", "Returns the name that the client greeted with.", String,
			func(v *View) Value { return v.Client.Helo }, `"mx.example.net"`, withHelo},
		{"client_tls", "Says whether the client came over TLS.", Bool,
			func(v *View) Value { return v.Client.TLS }, `true`, withClient},
		{"authenticated_user", "Returns the user that the client logged in as; `\"\"` if it did not.", String,
			func(v *View) Value { return v.Client.Authenticated }, `""`, withMail},
		{"stage", "Returns the stage that the script runs at: connect, ehlo, mail, rcpt, data, deliver, imap or cron.", String,
			func(v *View) Value { return string(v.Stage) }, `"deliver"`, nil},
		{"queue_id", "Returns the peer's queue id of the message; `\"\"` if it is not known.", String,
			func(v *View) Value { return v.QueueID }, `"4Zexample"`, withMail},
		{"hostname", "Returns the name of this server.", String,
			func(v *View) Value { return v.Hostname }, `"mail.example.org"`, nil},
		{"now", "Returns the time at which the transaction came in, in unix seconds; it is the same all through a run.", Int,
			func(v *View) Value { return v.Time.Unix() }, `1767225600`, nil},
	} {
		register(Function{
			Name: f.name, Family: "envelope", Doc: f.doc, Result: f.result, Trust: User, value: f.value, known: f.known,
			Examples: []Example{{Code: f.name + `()`, Want: f.want}, otherwise(f.name)},
			Call:     func(e *Env, _ Args) (Value, error) { return f.value(e.View), nil },
		})
	}
	register(Function{
		Name:   "envelope_param",
		Family: "envelope",
		Doc:    "Returns an ESMTP parameter of MAIL (`from`) or RCPT (`to`); null if there is none.",
		Params: []Param{{Name: "of", Kind: String, Doc: "`from` or `to`"}, {Name: "name", Kind: String, Doc: "name of the parameter, upper case"}},
		Result: String, Trust: User,
		Examples: []Example{{Code: `envelope_param("from", "BODY")`, Want: `"8BITMIME"`}, {Code: `envelope_param("to", "NOTIFY")`, Want: `null`}},
		Call: func(e *Env, a Args) (Value, error) {
			params := e.View.Rcpt.Params
			if a.String(0) == "from" {
				params = e.View.From.Params
			}
			if s, ok := params[a.String(1)]; ok {
				return s, nil
			}
			return nil, nil
		},
	})
}

// otherwise is a second example of a function of the envelope: at an earlier stage, at which some
// things are not known yet.
func otherwise(name string) Example {
	x := Example{Code: name + `()`, Want: `""`, Stage: StageConnect}
	switch name {
	case "recipients":
		x.Want, x.Stage = `[]`, StageMail
	case "recipient", "recipient_detail", "account":
		x.Stage = StageMail
	case "client_ip":
		x.Want = `"192.0.2.25"`
	case "client_ptr":
		x.Want = `"mx.example.net"`
	case "client_tls":
		x.Want = `true`
	case "stage":
		x.Want = `"connect"`
	case "hostname":
		x.Want = `"mail.example.org"`
	case "now":
		x.Want = `1767225600`
	}
	return x
}

func recipients(v *View) Value {
	out := make([]Value, len(v.Rcpts))
	for i, p := range v.Rcpts {
		out[i] = p.Address
	}
	return out
}

func clientIP(v *View) Value {
	if !v.Client.IP.IsValid() {
		return ""
	}
	return v.Client.IP.Unmap().String()
}
