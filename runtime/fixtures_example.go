package runtime

import "sync"

// exampleFixtures are what the examples of the table ask the DNS and web servers.
const exampleFixtures = `{
  "dns": {
    "*": "nxdomain",
    "example.net": {"mx": ["20 mx2.example.net", "10 mx1.example.net"], "txt": ["v=spf1 mx -all"], "ns": ["ns.example.net"], "ttl": 60},
    "mx1.example.net": {"a": ["192.0.2.25"], "aaaa": ["2001:db8::25"]},
    "mx2.example.net": {"a": ["192.0.2.26"]},
    "www.example.net": {"cname": ["web.example.net"]},
    "web.example.net": {"a": ["192.0.2.80"]},
    "_25._tcp.mx1.example.net": {"tlsa": ["3 1 1 00ff"], "secure": true},
    "_dmarc.example.net": {"txt": ["v=DMARC1; p=reject"]},
    "soft.example": {"txt": ["v=spf1 ~all"]},
    "broken.example": {"txt": ["v=spf1 ip4:none -all"]},
    "strict.example": {"txt": ["v=spf1 -all exp=why.strict.example"]},
    "why.strict.example": {"txt": ["%{i} is no server of %{d}"]},
    "nomail.example": {"mx": ["0 ."]},
    "tempfail.example": "tempfail",
    "1.2.0.192.tempfail.example": "tempfail",
    "192.0.2.25": {"ptr": ["mx1.example.net."]},
    "2001:db8::25": {"ptr": ["mx1.example.net."]},
    "192.0.2.66": {"ptr": ["mx1.example.net."]},
    "192.0.2.75": {"ptr": ["tempfail.example."]},
    "66.2.0.192.bl.example": {"a": ["127.0.0.10", "127.0.0.2"]},
    "6.6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example": {"a": ["127.0.0.3"]},
    "bad.example.bl.example": {"a": ["127.0.1.2"]},
    "parked.example.bl.example": {"a": ["192.0.2.1"]},
    "1.2.0.192.refusing.example": {"a": ["127.255.255.254"]}
  },
  "http": {
    "https://api.example.net/ip?q=192.0.2.66": {"body": "{\"risk\": 7}", "headers": {"Content-Type": "application/json"}},
    "https://api.example.net/absent": {"status": 404, "body": "not here"},
    "https://short.example.net/x": {"status": 301, "headers": {"Location": "https://www.example.org/long"}},
    "https://tempfail.example.net/": "tempfail"
  }
}`

// ExampleFixtures returns the network that the examples of the table see: DNS and HTTP of a Live
// that runs them.
var ExampleFixtures = sync.OnceValue(func() *Fixtures {
	tree := must(ParseLiteral(exampleFixtures))
	return must(NewFixtures(tree.(map[string]Value)))
})
