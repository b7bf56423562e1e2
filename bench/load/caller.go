package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	callTimeout = 30 * time.Second
	idWidth     = 10
	// enough errors end a measurement: it has failed anyway.
	enough = 100
)

// number makes the id of each call another one, so that no answer can be taken for
// that of another call.
var number atomic.Int64

// request is the call that is made, as bytes.
type request struct {
	address string
	bytes   []byte
	id      int // where its id stands
}

func newRequest(to string, header http.Header) (*request, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	body := fmt.Sprintf(`{"id":"%0*d","text":"some words"}`, idWidth, 0)
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", u.RequestURI(), u.Host, len(body))
	if err := header.Write(&b); err != nil {
		return nil, err
	}
	b.WriteString("\r\n")
	id := b.Len() + len(`{"id":"`)
	b.WriteString(body)
	return &request{u.Host, b.Bytes(), id}, nil
}

// caller makes one call after the other over a connection that it keeps.
type caller struct {
	request *request
	bytes   []byte
	conn    net.Conn
	in      *bufio.Reader
	answer  bytes.Buffer
}

func newCaller(r *request) *caller { return &caller{request: r, bytes: bytes.Clone(r.bytes)} }

func (c *caller) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is lost
		c.conn = nil
	}
}

// call makes one call and checks the answer.
func (c *caller) call() error {
	keep, err := c.exchange()
	if err != nil || !keep {
		c.close()
	}
	return err
}

func (c *caller) exchange() (keep bool, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.request.address, callTimeout); err != nil {
			return false, err
		}
		c.in = bufio.NewReader(c.conn)
	}
	id := fmt.Sprintf("%0*d", idWidth, number.Add(1))
	copy(c.bytes[c.request.id:], id)
	if err := c.conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return false, err
	}
	if _, err := c.conn.Write(c.bytes); err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	c.answer.Reset()
	if _, err := c.answer.ReadFrom(io.LimitReader(answer.Body, 1<<20)); err != nil {
		return false, err
	}
	return !answer.Close, checkAnswer(answer.StatusCode, c.answer.Bytes(), id)
}

func checkAnswer(status int, body []byte, id string) error {
	want := `{"name":"/users","of":"` + id + `"}`
	if status == http.StatusOK && string(body) == want {
		return nil
	}
	var got struct{ Name, Of string }
	if err := json.Unmarshal(body, &got); status != http.StatusOK || err != nil || got.Name != "/users" || got.Of != id {
		return fmt.Errorf("answer %d %.200s, want 200 %s", status, body, want)
	}
	return nil // written in another way
}

// measured is what callers saw.
type measured struct {
	latencies []time.Duration
	elapsed   time.Duration // in which they were answered
	errors    int
	err       error // the first
}

// callFor has callers call, each as soon as it has its answer. All answers are
// checked, and those count that come after the warm-up and before the time is up:
// however long calls take, as many are cut off at the beginning as at the end. warm
// is called after the warm-up.
func callFor(ctx context.Context, r *request, callers int, warmup, length time.Duration, warm func()) measured {
	began := time.Now()
	from, until := began.Add(warmup), began.Add(warmup+length)
	all := make([]measured, callers)
	var failed atomic.Int64
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			m, c := &all[i], newCaller(r)
			defer c.close()
			for failed.Load() < enough && ctx.Err() == nil {
				start := time.Now()
				if !start.Before(until) {
					return
				}
				err := c.call()
				now := time.Now()
				switch {
				case err != nil:
					failed.Add(1)
					if m.errors++; m.err == nil {
						m.err = err
					}
				case now.After(from) && now.Before(until):
					m.latencies = append(m.latencies, now.Sub(start))
				}
			}
		})
	}
	select {
	case <-time.After(time.Until(from)):
		warm()
	case <-ctx.Done():
	}
	group.Wait()
	sum := together(all)
	sum.elapsed = length
	return sum
}

func together(all []measured) (sum measured) {
	for _, m := range all {
		sum.latencies = append(sum.latencies, m.latencies...)
		sum.errors += m.errors
		if sum.err == nil {
			sum.err = m.err
		}
	}
	return sum
}

func dial(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
