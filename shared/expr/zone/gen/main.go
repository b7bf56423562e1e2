// Gen writes the zone data from the copy of the time zone database that comes with
// Go (public domain).
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := write(); err != nil {
		log.Fatal(err)
	}
}

func write() error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	database, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return err
	}
	defer database.Close()
	var data bytes.Buffer
	places := map[string][2]int{} // many names share their data
	var lines []string
	for _, f := range database.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		place, ok := places[string(content)]
		if !ok {
			place = [2]int{data.Len(), data.Len() + len(content)}
			places[string(content)] = place
			data.Write(content)
		}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%d\t%d\n", strings.ToLower(f.Name), f.Name, place[0], place[1]))
	}
	slices.Sort(lines)
	if err := os.WriteFile("index.tsv", []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	return os.WriteFile("data.bin", data.Bytes(), 0o644)
}
