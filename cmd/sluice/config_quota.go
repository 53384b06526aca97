package main

import (
	"github.com/sluice-mail/sluice/runtime"
)

// ScriptsConfig is [scripts].
type ScriptsConfig struct {
	User QuotaConfig `toml:"user"`
}

// QuotaConfig is [scripts.user].
type QuotaConfig struct {
	MaxKeys   int64 `toml:"max-keys" doc:"values, counters, rate limits in use and locks that the scripts of one account may keep in one store; 0: no bound"`
	MaxOctets int64 `toml:"max-octets" doc:"octets of their keys and values; 0: no bound"`
}

func defaultScripts() ScriptsConfig {
	d := runtime.DefaultQuota
	return ScriptsConfig{User: QuotaConfig{MaxKeys: d.Keys, MaxOctets: d.Octets}}
}

// quotaNumbers are the bounds of the numbers of [scripts].
func (c *Config) quotaNumbers(all map[string]number) {
	all["scripts.user.max-keys"] = number{c.Scripts.User.MaxKeys, 0, 10_000_000}
	all["scripts.user.max-octets"] = number{c.Scripts.User.MaxOctets, 0, 1 << 40}
}

// quota is what the scripts of one account may keep.
func (c *Config) quota() runtime.QuotaLimits {
	return runtime.QuotaLimits{Keys: c.Scripts.User.MaxKeys, Octets: c.Scripts.User.MaxOctets}
}
