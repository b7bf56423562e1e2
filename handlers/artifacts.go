package handlers

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/latchwork/latchwork/shared/artifacts"
)

// artifactsFolder is where a Standard project keeps maps and schemas, and so does a
// package.
const artifactsFolder = "Artifacts"

// openArtifacts opens the folder that a setting names, or else the given one.
func (a *app) openArtifacts(folder string) (err error) {
	if a.settings.artifacts != "" {
		folder = a.settings.artifacts
	}
	if folder == "" {
		return nil
	}
	if a.maps, err = artifacts.Open(folder); err != nil {
		return fmt.Errorf("artifacts: %w", err)
	}
	return nil
}

// artifactsOf finds the artifacts that belong to workflows: in the folder of each,
// or in the one above it, where a Standard project has them. Which of two is meant
// must be said with the setting.
func artifactsOf(paths []string) (string, error) {
	if os.Getenv(settingArtifacts) != "" {
		return os.Getenv(settingArtifacts), nil
	}
	found := ""
	for _, p := range paths {
		folder, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(folder); err == nil && !info.IsDir() {
			folder = filepath.Dir(folder)
		}
		for _, candidate := range []string{filepath.Join(folder, artifactsFolder), filepath.Join(filepath.Dir(folder), artifactsFolder)} {
			if existing(candidate) == "" || candidate == found {
				continue
			}
			if found != "" {
				return "", fmt.Errorf("there are artifacts in %s and in %s; name the folder that is meant with %s", found, candidate, settingArtifacts)
			}
			found = candidate
			break
		}
	}
	return found, nil
}

// existing returns the path of a folder, or "" if there is none.
func existing(folder string) string {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return ""
	}
	return folder
}
