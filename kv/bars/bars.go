// Command bars measures.
package main

import (
	_ "github.com/go-redis/redis_rate/v10"
)

func main() {}
