// Package memcached is a kv.Store.
package memcached

import (
	_ "github.com/bradfitz/gomemcache/memcache"
)
