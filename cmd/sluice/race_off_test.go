//go:build !race

package main

// raceDetector says that this is a build of go test -race, which holds several times the memory.
const raceDetector = false
