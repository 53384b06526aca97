// Package redis is a kv.Store.
package redis

import (
	_ "github.com/redis/go-redis/v9"
)
