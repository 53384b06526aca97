package stalwart

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReceived(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        map[string]string
	}{
		{"as Postfix writes it",
			"from mail.example.org (mail.example.org [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)) by mx.example.net (Postfix) with ESMTPS id 4Zabc for <bob@example.net>; Thu, 1 Jan 2026 00:00:00 +0000 (UTC)",
			map[string]string{"from": "mail.example.org", "ip": "192.0.2.1", "iprev": "mail.example.org", "by": "mx.example.net", "with": "ESMTPS", "id": "4Zabc", "for": "bob@example.net",
				"tls": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "date.raw": "Thu, 1 Jan 2026 00:00:00 +0000 (UTC)"}},
		{"with literals and a user",
			"from [IPv6:2001:db8::1] (root@host.example [IPv6:2001:db8::1]) by [192.0.2.2] via TCP with LMTP; 1 Jan 2026 00:00:00 +0000",
			map[string]string{"from": "[IPv6:2001:db8::1]", "ident": "root", "iprev": "host.example", "ip": "2001:db8::1", "by": "[192.0.2.2]", "via": "TCP", "with": "LMTP", "date.raw": "1 Jan 2026 00:00:00 +0000"}},
		{"as Exim writes it", "from a.example ([192.0.2.9] helo=b.example) by c.example with esmtps (TLS1.3:ECDHE_X25519__AES_128_GCM:128) (Exim 4.98) id 1x-2; Thu, 1 Jan 2026 00:00:00 +0000",
			map[string]string{"from": "a.example", "ip": "192.0.2.9", "by": "c.example", "with": "esmtps", "tls": "TLS1.3", "cipher": "ECDHE_X25519__AES_128_GCM:128", "id": "1x-2", "date.raw": "Thu, 1 Jan 2026 00:00:00 +0000"}},
		{"nothing", "", map[string]string{}},
		{"an open comment", "from a (b", map[string]string{"from": "a"}},
		{"a clause without its word", "from by", map[string]string{"from": "by"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readReceived(tt.value)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
