package main

// CompatConfig is [compat].
type CompatConfig struct {
	Stalwart bool `toml:"stalwart" doc:"whether .expr files are in the expression language of Stalwart, and administrators' Sieve scripts need no require"`
}
