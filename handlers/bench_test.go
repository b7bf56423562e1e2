package handlers_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkStartToFirstAnswer measures from starting the built binary, standalone
// on a store that exists, to the first answered call of a callback URL.
func BenchmarkStartToFirstAnswer(b *testing.B) {
	folder := b.TempDir()
	binary := filepath.Join(folder, "latchwork")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	startOnce(b, binary, folder) // makes the store
	b.ResetTimer()
	for range b.N {
		startOnce(b, binary, folder)
	}
}

// readURL reads what serve prints until it serves, and returns the callback URL.
func readURL(out io.Reader) (url string) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "'http"); ok {
			url, _, _ = strings.Cut("http"+rest, "'")
		}
		if strings.HasPrefix(lines.Text(), "Serving on") {
			break
		}
	}
	return url
}

func startOnce(b *testing.B, binary, folder string) {
	b.Helper()
	c := exec.Command(binary, "serve", filepath.Join("..", "samples", "order-check"), "--address", "127.0.0.1:0")
	c.Env = []string{"HOME=" + folder, "LATCHWORK_DATA=" + filepath.Join(folder, "data")}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	url := readURL(out)
	answer, err := http.Post(url, "application/json", strings.NewReader(`{"id":"A","total":1,"lines":[]}`))
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatalf("%v %v", answer, err)
	}
	_ = answer.Body.Close()
	b.StopTimer()
	_ = c.Process.Kill()
	_ = c.Wait()
	b.StartTimer()
}
