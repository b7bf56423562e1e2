package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/host/hosttest"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

// emulated is the Azure store of tests, on an emulator of its own.
func emulated(t *testing.T, folder string) (*azurite.Server, *store.Store) {
	t.Helper()
	emulator := azurite.Start(t, folder)
	backend, err := azure.Open(t.Context(), azure.Config{ConnectionString: emulator.ConnectionString})
	if err != nil {
		t.Fatal(err)
	}
	return emulator, store.New(backend, crashSealer(t))
}

// openedURLs waits until an app is open, and signs the callback URLs of its workflows.
func openedURLs(t *testing.T, h *hosttest.Host, s *store.Store, base string) map[string]string {
	t.Helper()
	if status, body := post(t, h.URL()+"/workflows/none/triggers/manual/paths/invoke?api-version=2016-10-01", "{}"); status != http.StatusUnauthorized {
		t.Fatalf("an unsigned call: %d %s\n%s", status, body, h.Log())
	}
	workflows, err := s.Workflows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	urls := map[string]string{}
	for _, w := range workflows {
		urls[w.Name] = gate.URLs{Base: base}.Trigger(w.Keys.Primary, w.ID, "manual", time.Time{})
	}
	return urls
}

// fleet are instances of one app, each a Functions host with its handler process, behind
// something that spreads calls over them.
type fleet struct {
	t        *testing.T
	site     site
	store    *store.Store
	front    *httptest.Server
	presence *presence
	urls     map[string]string
	turn     atomic.Int64

	mu      sync.Mutex
	alive   []*instance
	swept   time.Time
	started int
}

type instance struct {
	name string
	host *hosttest.Host
	to   *url.URL
	gone atomic.Bool
	held atomic.Bool // it takes no messages for now
}

// newFleet starts instances that serve the workflows of a site.
func newFleet(t *testing.T, of site, up *upstream, instances int) *fleet {
	t.Helper()
	emulator, s := emulated(t, of.data)
	f := &fleet{t: t, site: of, store: s, presence: newPresence(up)}
	f.front = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(f.next().to) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	t.Cleanup(f.front.Close)
	f.site.env["AzureWebJobsStorage"], f.site.env["LATCHWORK_WORKFLOWS"] = emulator.ConnectionString, of.workflows
	f.site.env["LATCHWORK_PUBLIC_URL"] = f.front.URL
	for range instances {
		f.add()
	}
	return f
}

// add starts one more instance.
func (f *fleet) add() {
	f.t.Helper()
	f.mu.Lock()
	i := &instance{name: string(rune('A' + f.started))}
	f.started++
	f.mu.Unlock()
	env := map[string]string{"LATCHWORK_CONNECT_TO": f.presence.entrance(f.t, i.name), "LATCHWORK_DATA": f.t.TempDir()}
	for name, v := range f.site.env {
		if env[name] == "" {
			env[name] = v
		}
	}
	i.host = hosttest.Start(f.t, hosttest.Options{
		Dir: f.site.dist, Env: env, LogFile: filepath.Join(f.site.data, i.name+".log"),
		Queue: func(name string) store.Queue { return &mortalQueue{f.store.Queue(name), &i.gone, &i.held} },
	})
	urls := openedURLs(f.t, i.host, f.store, f.front.URL)
	i.to, _ = url.Parse(i.host.URL())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.urls = urls
	f.alive = append(f.alive, i)
}

// kill ends an instance at once: the handler is killed, and its host settles no message
// any more, so that those it had stay hidden.
func (f *fleet) kill() string {
	f.mu.Lock()
	i := f.alive[0]
	f.alive = f.alive[1:]
	f.mu.Unlock()
	i.gone.Store(true)
	f.presence.dies(i.name)
	i.host.Kill()
	return i.name
}

// hold keeps doorbells away from the only process that has made calls so far, if there
// is only one: whoever has just taken a message looks for the next one sooner than others.
func (f *fleet) hold() {
	f.presence.mu.Lock()
	defer f.presence.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.alive {
		i.held.Store(len(f.presence.calls) == 1 && f.presence.calls[i.name] > 0)
	}
}

// next is the instance that the next call goes to.
func (f *fleet) next() *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.alive[int(f.turn.Add(1))%len(f.alive)]
}

// victim is the fleet as the crash test sees it.
func (f *fleet) victim() *victim {
	return &victim{
		start: func() {}, kill: func() {}, stop: func() {},
		url: func(workflow string) string {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.urls[workflow]
		},
		look: func(read func(*reader)) {
			f.sweep()
			read(&reader{f.t, f.store})
		},
	}
}

// sweepEvery stands for the minute of the timer: nobody wants to wait that long.
const sweepEvery = 2 * time.Second

func (f *fleet) sweep() {
	if time.Since(f.swept) < sweepEvery {
		return
	}
	f.swept = time.Now()
	if err := f.next().host.Fire("Sweep"); err != nil {
		f.t.Errorf("sweep: %v", err)
	}
}

// mortalQueue is a queue that an instance reaches as long as it lives.
type mortalQueue struct {
	store.Queue
	gone, held *atomic.Bool
}

var errGone = errors.New("the instance is gone")

func (q *mortalQueue) Receive(ctx context.Context, limit int, hide time.Duration) ([]store.Message, error) {
	if q.gone.Load() {
		<-ctx.Done()
		return nil, errGone
	}
	if q.held.Load() {
		return nil, nil
	}
	return q.Queue.Receive(ctx, limit, hide)
}

func (q *mortalQueue) Hide(ctx context.Context, m store.Message, hide time.Duration) (store.Message, error) {
	if q.gone.Load() {
		return m, errGone
	}
	return q.Queue.Hide(ctx, m, hide)
}

func (q *mortalQueue) Delete(ctx context.Context, m store.Message) error {
	if q.gone.Load() {
		return errGone
	}
	return q.Queue.Delete(ctx, m)
}

func (q *mortalQueue) Send(ctx context.Context, text string, delay time.Duration) error {
	if q.gone.Load() {
		return errGone
	}
	return q.Queue.Send(ctx, text, delay)
}

// presence knows which process made which call: each reaches the upstream through a
// door of its own.
type presence struct {
	up *upstream

	mu     sync.Mutex
	calls  map[string]int            // by process
	queued map[string]int            // of runs for which nobody waits, which go by queue
	makers map[string][]string       // the processes that made a call, by tracking id and path
	active map[string]map[string]int // calls under way, by run and process
	dead   map[string]bool           // processes
	faults []string
}

func newPresence(up *upstream) *presence {
	return &presence{up: up, calls: map[string]int{}, queued: map[string]int{}, makers: map[string][]string{}, active: map[string]map[string]int{}, dead: map[string]bool{}}
}

// callTime is how long a call takes, so that two drivers of a run would meet.
const callTime = 10 * time.Millisecond

// entrance makes the door of a process, as the setting that sends its calls there.
func (p *presence) entrance(t *testing.T, process string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		run := r.Header.Get("X-Ms-Workflow-Run-Id")
		p.begin(process, run, r)
		defer p.end(process, run)
		select {
		case <-time.After(callTime):
		case <-r.Context().Done():
		}
		p.up.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(p.up.url, "http://") + "=" + strings.TrimPrefix(server.URL, "http://")
}

func (p *presence) begin(process, run string, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[process]++
	if waitsForNobody(r.URL.Path) {
		p.queued[process]++
	}
	key := r.Header.Get("X-Ms-Action-Tracking-Id") + " " + r.URL.Path
	p.makers[key] = append(p.makers[key], process)
	if p.active[run] == nil {
		p.active[run] = map[string]int{}
	}
	// What tells a hook that it is no longer wanted is sent by whoever took up its call,
	// while the run may be elsewhere already.
	if p.active[run][process]++; !strings.HasPrefix(r.URL.Path, "/unsubscribe") {
		for other, n := range p.active[run] {
			if other != process && n > 0 && !p.dead[other] {
				p.faults = append(p.faults, process+" and "+other+" make calls of run "+run+" at once: "+r.URL.Path)
			}
		}
	}
}

func (p *presence) end(process, run string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active[run][process]--; p.active[run][process] == 0 {
		delete(p.active[run], process)
	}
	if len(p.active[run]) == 0 {
		delete(p.active, run)
	}
}

func (p *presence) dies(process string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead[process] = true
}

// waitsForNobody: calls of the shapes that answer 202 at once.
func waitsForNobody(path string) bool {
	for _, prefix := range []string{"/until/", "/fail", "/otherwise", "/wait/", "/subscribe/", "/loop/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
