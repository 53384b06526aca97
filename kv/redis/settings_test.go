package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sluice-mail/sluice/kv"
	"github.com/sluice-mail/sluice/kv/redis"
)

func TestOpenRefusesBadSettingsWithoutShowingThem(t *testing.T) {
	good := []string{"redis://:secret@localhost/0"}
	for name, o := range map[string]redis.Options{
		"no url":                           {},
		"two urls of one server":           {Mode: redis.Single, URLs: []string{"redis://a", "redis://b"}},
		"an unknown mode":                  {Mode: "ring", URLs: good},
		"sentinel without a master":        {Mode: redis.Sentinel, URLs: good},
		"a master without sentinels":       {Mode: redis.Cluster, Master: "m", URLs: good},
		"a cluster's database":             {Mode: redis.Cluster, URLs: []string{"redis://a/1"}},
		"a cluster on a socket":            {Mode: redis.Cluster, URLs: []string{"unix:///a"}},
		"a sentinel on a socket":           {Master: "m", URLs: []string{"unix:///a"}},
		"nodes with different logins":      {URLs: []string{"redis://:secret@a", "redis://b"}},
		"braces in the namespace":          {Namespace: "a{b}", URLs: good},
		"a blank in the namespace":         {Namespace: "a b", URLs: good},
		"a long namespace":                 {Namespace: strings.Repeat("a", 65), URLs: good},
		"a negative timeout":               {Timeout: -time.Second, URLs: good},
		"a negative pool":                  {Pool: -1, URLs: good},
		"a huge pool":                      {Pool: 10_001, URLs: good},
		"another scheme":                   {URLs: []string{"http://:secret@localhost"}},
		"no scheme":                        {URLs: []string{"localhost:6379"}},
		"a broken url":                     {URLs: []string{"redis://user:secret%zz@localhost"}},
		"a port that is none":              {URLs: []string{"redis://:secret@localhost:0"}},
		"a port that is too large":         {URLs: []string{"redis://:secret@localhost:65536"}},
		"a database that is no number":     {URLs: []string{"redis://:secret@localhost/secret"}},
		"a database that is negative":      {URLs: []string{"redis://localhost/-1"}},
		"two databases":                    {URLs: []string{"redis://localhost/1?db=1"}},
		"another parameter":                {URLs: []string{"redis://localhost?secret=1"}},
		"a parameter given twice":          {URLs: []string{"unix:///a?db=1&db=2"}},
		"a socket without a path":          {URLs: []string{"unix://"}},
		"a socket on a host":               {URLs: []string{"unix://secret/a"}},
		"a fragment":                       {URLs: []string{"redis://localhost#secret"}},
		"a parameter that cannot be read":  {URLs: []string{"redis://localhost?db=%zz"}},
		"a url without slashes is no host": {URLs: []string{"redis:secret"}},
	} {
		s, err := redis.Open(t.Context(), o)
		if !errors.Is(err, kv.ErrInvalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if s != nil {
			t.Errorf("%s: gave a store", name)
		}
	}
}

func TestOpenTakesEveryGoodURLAndDoesNotConnect(t *testing.T) {
	for _, o := range []redis.Options{
		{URLs: []string{"redis://"}},
		{URLs: []string{"redis://user:pw@[::1]:7000/3"}},
		{URLs: []string{"rediss://localhost?db=3"}},
		{URLs: []string{"unix:///run/redis.sock?db=1"}},
		{URLs: []string{"redis://a", "redis://b", "redis://c"}},
		{Mode: redis.Cluster, URLs: []string{"rediss://:pw@a:1"}},
		{Master: "m", URLs: []string{"redis://a/2", "redis://b/2"}},
	} {
		s, err := redis.Open(t.Context(), o)
		if err != nil {
			t.Errorf("%q: %v", o.URLs, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", o.URLs, err)
		}
	}
}

func TestDatabasesOfOneServerAreApart(t *testing.T) {
	url, ns := needServer(t).URL, space()
	a := open(t, redis.Options{URLs: []string{url}, Namespace: ns})
	b := open(t, redis.Options{URLs: []string{url + "?db=1"}, Namespace: ns})
	if err := a.Set(t.Context(), value("a"), nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), value("a")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"redis://u:p@h:1/2", "rediss://[::1]", "unix:///a/b?db=3", "redis://h?db=x", "://", "redis://%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		network, address, err := redis.ParseURL(raw)
		switch {
		case err == nil && (address == "" || network != "tcp" && network != "unix"):
			t.Errorf("%q leads to %q %q", raw, network, address)
		case err != nil && !errors.Is(err, kv.ErrInvalid):
			t.Errorf("%q: %v", raw, err)
		case err != nil && len(raw) > 8 && strings.Contains(err.Error(), raw):
			t.Errorf("the error shows the url: %v", err)
		}
	})
}
