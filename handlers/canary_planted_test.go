package handlers_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// What is planted is no secret and shows: whoever looks for secrets must find it in each
// place, or finds nothing there at all. It is the name of a workflow, and what its runs
// get: a small text that lies in a row, one that is packed, and one in a blob.
const planted = "PlantedQ7xT3mW9"

var leaked = []string{planted, "leaked-in-a-row-K2v8", "leaked-when-packed-L5n1", "leaked-in-a-blob-M9c4"}

func (c *canaries) writePlanted() {
	writeFile(c.t, filepath.Join(c.site.workflows, "planted.json"), fmt.Sprintf(`{"name":%q,"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/%s","properties":{"definition":{
		"triggers":{"manual":{"type":"Request"}},"actions":{"Show":{"type":"Compose","inputs":"@triggerBody()"}}}}}`, planted, planted))
}

// plant starts the runs that show what they get.
func (c *canaries) plant() {
	for i, size := range []int{0, 50 << 10, 600 << 10} {
		var filler strings.Builder
		for n := 0; filler.Len() < size; n++ {
			fmt.Fprintf(&filler, "%d-%x;", n, n*n*7919)
		}
		body := fmt.Sprintf(`{"text":%q,"filler":%q}`, leaked[i+1], filler.String())
		answer, err := http.Post(c.v.url(planted), "application/json", strings.NewReader(body))
		if err != nil {
			c.t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			c.t.Fatalf("plant: %d", answer.StatusCode)
		}
	}
}

// settle waits until all runs are over.
func (c *canaries) settle() {
	c.t.Helper()
	deadline := time.After(90 * time.Second)
	var left []string
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("%d runs came to their end; left: %v; what is planted shows in metrics and spans: %t", c.up.ended(), left, c.told(planted))
		}
		if c.up.ended() < canaryRuns || !c.told(planted) {
			c.v.sweep()
			continue
		}
		c.page("/metrics")
		c.v.look(func(r *reader) { left = r.unfinished() })
		if len(left) == 0 {
			return
		}
	}
}

// collector takes in spans and metrics.
func (c *canaries) collector() string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body) // a sender that dies has sent less
		c.up.mu.Lock()
		defer c.up.mu.Unlock()
		c.metrics.Write(data)
	}))
	c.t.Cleanup(server.Close)
	return server.URL
}

// told tells whether a text has come to the collector, or stood on a page.
func (c *canaries) told(text string) bool {
	c.up.mu.Lock()
	defer c.up.mu.Unlock()
	return bytes.Contains(c.metrics.Bytes(), []byte(text))
}

// page keeps a page of the standalone host; the host of Functions has none.
func (c *canaries) page(path string) {
	answer, err := http.Get(c.v.base + path)
	if err != nil {
		return // it was killed to look into its store
	}
	defer answer.Body.Close()
	var page bytes.Buffer
	_, _ = page.ReadFrom(answer.Body)
	c.up.mu.Lock()
	defer c.up.mu.Unlock()
	c.metrics.Write(page.Bytes())
}

func (c *canaries) count(w *store.Workflow, r *run.Record) {
	if w.Name != "plain" && w.Name != "strict" {
		return
	}
	if c.ended[r.Name] == nil {
		c.ended[r.Name] = map[string]int{}
	}
	c.ended[r.Name][string(r.Status)]++
	if len(r.Retries) > 1 {
		c.ended[r.Name]["Retried"]++
	}
}

// exercised: what carries secrets has carried them, and what is to fail with them in its
// hands has failed.
func (c *canaries) exercised() {
	for status, steps := range map[string]string{
		"Succeeded": "Get Init List Forms Again Given Sink Each Append Item Send_item Until Longer Switch Default Select Filter Join Table Send Basic Raw Raw_header Raw_address Bytes Code Liquid Xml Path Hook Hooked Call Called Secured Token Result Done",
		"Failed":    "Bad_host Certificate Kind Fails Refused Schema Number Missing Late Throws Parse",
		"Retried":   "Fails",
	} {
		for step := range strings.FieldsSeq(steps) {
			if c.ended[step][status] == 0 {
				c.t.Errorf("%s never %s: %v", step, status, c.ended[step])
			}
		}
	}
}
