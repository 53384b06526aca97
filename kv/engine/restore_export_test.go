package engine

import "context"

// RestoreSteps is Restore that calls step after each of its steps.
func RestoreSteps(ctx context.Context, from, path string, o Options, step func(string)) error {
	return (&restore{o: o, step: step}).run(ctx, from, path)
}

// FenceLeap is how far fencing numbers leap behind a file that cannot be read.
const FenceLeap = fenceLeap
