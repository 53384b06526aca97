package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/sluice-mail/sluice/runtime"
)

// readFixtures reads the answers of a network that is not asked from a TOML or JSON file, and returns
// them in JSON.
func readFixtures(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--fixtures: %w", err)
	}
	if filepath.Ext(path) != ".json" {
		tree := map[string]any{}
		if err := toml.Unmarshal(text, &tree); err != nil {
			return nil, fmt.Errorf("--fixtures: %s: %w", path, err)
		}
		if text, err = json.Marshal(tree); err != nil {
			return nil, fmt.Errorf("--fixtures: %s: %w", path, err)
		}
	}
	if _, err := parseFixtures(text); err != nil {
		return nil, fmt.Errorf("--fixtures: %s: %w", path, err)
	}
	return text, nil
}

func parseFixtures(text []byte) (*runtime.Fixtures, error) {
	v, err := runtime.ParseLiteral(string(text))
	if err != nil {
		return nil, err
	}
	tree, ok := v.(map[string]runtime.Value)
	if !ok {
		return nil, fmt.Errorf("expected an object")
	}
	return runtime.NewFixtures(tree)
}
