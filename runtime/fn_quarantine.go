package runtime

func init() {
	register(Function{
		Name:   "quarantine",
		Family: "mail",
		Doc: "Stores the message in the mailbox for quarantined mail of the recipient's account, which is `Quarantine` unless the settings name another, and makes the mailbox if it is not there. It takes the place of the implicit keep. " +
			"What else the same script stores, sends on, answers or gives to programs is not done, except copies (option `copy`) and notifications; to refuse the message too is an error. No later script of the chain runs. The reason stands in the plan and the record.",
		Params: []Param{{Name: "reason", Kind: String, Doc: "why; one line, at most 900 octets of it are used"}},
		Result: Bool, Effect: Acts, Stages: filing, Trust: User,
		Examples: []Example{
			{Code: `quarantine("looks like a virus")`, Want: `true`},
			{Code: `quarantine("score 14")`, Want: `true`, Stage: StageData},
			{Code: `quarantine()`, Error: `quarantine: called with 0 arguments, takes 1: quarantine(reason) -> bool`},
			{Code: `quarantine("x")`, Error: `quarantine is not lawful at stage mail; it is at data, deliver, imap`, Stage: StageMail},
		},
		Call: func(e *Env, a Args) (Value, error) {
			s := e.settings()
			return e.actStamped(Action{Kind: Quarantine, Mailbox: s.Quarantine, Create: true, Reason: oneLine(a.String(0))}, true)
		},
	})
	register(Function{
		Name:   "accept",
		Family: "mail",
		Doc: "Says that the peer may go on, and that no later script of this stage is asked. It changes nothing of what becomes of the message: the implicit keep stands, and the scripts of later stages run. " +
			"To refuse in the same script is an error, a `tempfail` wins.",
		Result: Bool, Effect: Acts, Stages: refusing, Trust: User,
		Examples: []Example{{Code: `accept()`, Want: `true`}, {Code: `accept()`, Want: `true`, Stage: StageConnect}, {Code: `accept()`, Want: `true`, Stage: StageData},
			{Code: `accept()`, Error: "accept is not lawful at stage imap; it is at connect, ehlo, mail, rcpt, data, deliver", Stage: StageIMAP}},
		Call: func(e *Env, _ Args) (Value, error) { return true, e.Act(Action{Kind: Accept}) },
	})
}
