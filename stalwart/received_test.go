package stalwart

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-mail/sluice/mail"
	"github.com/sluice-mail/sluice/runtime"
)

func TestReceivedParts(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        map[string]runtime.Value
	}{
		{"a field with all of it",
			"from mail.example.org (mail.example.org [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)) by mx.example.net (Postfix) with ESMTPS id 4Zabc for <bob@example.net>; Thu, 1 Jan 2026 00:00:00 +0000",
			map[string]runtime.Value{"from": "mail.example.org", "from.name": "mail.example.org", "ip": "192.0.2.1", "iprev": "mail.example.org", "by": "mx.example.net", "by.name": "mx.example.net", "with": "ESMTPS", "id": "4Zabc",
				"for": "bob@example.net", "tls": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "date": int64(1767225600), "date.raw": "Thu, 1 Jan 2026 00:00:00 +0000"}},
		{"addresses for names", "from [IPv6:2001:db8::1] (unknown [IPv6:2001:db8::1]) by [192.0.2.2] with SMTP; never",
			map[string]runtime.Value{"from": "2001:db8::1", "from.ip": "2001:db8::1", "ip": "2001:db8::1", "by": "192.0.2.2", "by.ip": "192.0.2.2", "with": "SMTP", "date.raw": "never"}},
		{"nothing", "", map[string]runtime.Value{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]runtime.Value{}
			for part := range receivedParts {
				if v := receivedValues(mail.Field{Name: "Received", Raw: []byte("Received: " + tt.value + "\r\n")}, "rcvd."+part); len(v) > 0 {
					got[part] = v[0]
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
