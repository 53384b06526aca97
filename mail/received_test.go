package mail

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told is a Received in words.
func told(r Received) string {
	var b strings.Builder
	add := func(name, v string) {
		if v != "" {
			b.WriteString(name + "=" + v + " ")
		}
	}
	add("from", r.From)
	if r.FromIP.IsValid() {
		add("ip", r.FromIP.String())
	}
	add("ptr", r.PTR)
	add("helo", r.Helo)
	add("ident", r.Ident)
	add("by", r.By)
	if r.ByIP.IsValid() {
		add("byip", r.ByIP.String())
	}
	add("via", r.Via)
	add("with", r.With)
	add("tls", r.TLS)
	add("cipher", r.Cipher)
	add("id", r.ID)
	add("for", r.For)
	if !r.Date.IsZero() {
		add("date", r.Date.UTC().Format("060102T150405"))
	}
	return strings.TrimSpace(b.String())
}

func TestReceivedFieldsOfManyServers(t *testing.T) {
	const date = "; Thu, 1 Jan 2026 00:00:00 +0000"
	for _, tt := range []struct{ name, value, want string }{
		{"Postfix with TLS",
			"from out.example.net (mx.example.net [192.0.2.1])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519)\r\n\t(No client certificate requested)\r\n\tby mx.example.org (Postfix) with ESMTPS id 4Zx\r\n\tfor <bob@example.org>; Thu, 1 Jan 2026 01:00:00 +0100 (CET)",
			"from=out.example.net ip=192.0.2.1 ptr=mx.example.net helo=out.example.net by=mx.example.org with=ESMTPS tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 id=4Zx for=bob@example.org date=260101T000000"},
		{"Postfix, a client without a name", "from [10.0.0.1] (unknown [IPv6:2001:db8::1]) by a.example with SMTP id 1" + date,
			"from=[10.0.0.1] ip=2001:db8::1 helo=[10.0.0.1] by=a.example with=SMTP id=1 date=260101T000000"},
		{"Exim", "from mail.example.net ([192.0.2.7] helo=relay.example.net ident=joe)\n by mx.example.org with esmtps  (TLS1.3) tls TLS_AES_128_GCM_SHA256\n (Exim 4.98)\n (envelope-from <a@b.example>)\n id 1tABC-0001\n for bob@example.org" + date,
			"from=mail.example.net ip=192.0.2.7 ptr=mail.example.net helo=relay.example.net ident=joe by=mx.example.org with=esmtps tls=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 id=1tABC-0001 for=bob@example.org date=260101T000000"},
		{"sendmail", "from a.example (IDENT:joe@b.example [192.0.2.3] (may be forged)) by c.example (8.18.1/8.18.1) with ESMTPS id x1 (version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO) for <d@e.example>" + date,
			"from=a.example ip=192.0.2.3 ptr=b.example helo=a.example ident=joe by=c.example with=ESMTPS tls=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 id=x1 for=d@e.example date=260101T000000"},
		{"Exchange", "from AM.example.com (2603:10a6::5) by DB.example.com (2603:10a6::9) with Microsoft SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA) id 15.20.1" + date,
			"from=AM.example.com ip=2603:10a6::5 helo=AM.example.com by=DB.example.com byip=2603:10a6::9 with=Microsoft SMTP Server tls=TLSv1.2 cipher=TLS_ECDHE_RSA id=15.20.1 date=260101T000000"},
		{"Gmail", "by 2002:a05:6a20::1 with SMTP id k1; Wed, 31 Dec 2025 16:00:00 -0800 (PST)",
			"by=2002:a05:6a20::1 byip=2002:a05:6a20::1 with=SMTP id=k1 date=260101T000000"},
		{"qmail", "from unknown (HELO a.example) (joe@192.0.2.9)\n  by b.example with SMTP" + date,
			"from=unknown ip=192.0.2.9 helo=a.example ident=joe by=b.example with=SMTP date=260101T000000"},
		{"qmail, local", "(qmail 1234 invoked by uid 500); 1 Jan 2026 00:00:00 -0000", "date=260101T000000"},
		{"TLS by the protocol alone", "from a.example by b.example with esmtpsa id 2", "from=a.example helo=a.example by=b.example with=esmtpsa tls=TLS id=2"},
		{"an id in brackets, a link", "from a by b via TCP with LMTP id <x;y@z>" + date, "from=a helo=a by=b via=TCP with=LMTP id=x;y@z date=260101T000000"},
		{"a broken date", "from a by b; yesterday", "from=a helo=a by=b"},
		{"comments in comments, and one that is open", "from a (b.example (x (y)) [192.0.2.1]) by c (never ends", "from=a ip=192.0.2.1 ptr=b.example helo=a by=c"},
		{"nothing that is known", "hello world", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseReceived(string(unfold([]byte(tt.value))))
			if diff := cmp.Diff(tt.want, told(got)); diff != "" || ok != (tt.want != "") {
				t.Errorf("%v, want -, got +:\n%s", ok, diff)
			}
		})
	}
}

func FuzzParseReceived(f *testing.F) {
	for _, s := range []string{"from a (b [1.2.3.4]) by c with ESMTPS id d for <e@f>; 1 Jan 2026 00:00 +0000", "from <", "(((", ";;;", "by [::", "tls tls tls", "from \"a", strings.Repeat("(", 9000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseReceived(s)
		if !ok && (r.From != "" || r.By != "" || r.DateRaw != "") {
			t.Errorf("%q says nothing, but %+v", s, r)
		}
		for _, part := range append(r.Comment, r.From, r.By, r.ID, r.For, r.With) {
			if len(part) > len(s) {
				t.Errorf("%q grew to %q", s, part)
			}
		}
	})
}

func BenchmarkParseReceived(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseReceived("from out.example.net (mx.example.net [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)) by mx.example.org (Postfix) with ESMTPS id 4Zx for <bob@example.org>; Thu, 1 Jan 2026 01:00:00 +0100 (CET)")
	}
}
