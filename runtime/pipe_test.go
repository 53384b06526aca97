package runtime

func pipeChild() {}
