package gate_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
)

// BenchmarkGate measures all checks of a call that is let in.
func BenchmarkGate(b *testing.B) {
	workflow := target()
	var ranges []string
	for i := range 1000 {
		ranges = append(ranges, fmt.Sprintf(`{"addressRange":"10.%d.%d.0/25"}`, i/250, i%250))
	}
	control(b, `{"allowedCallerIpAddresses":[`+strings.Join(append(ranges, `{"addressRange":"192.0.2.1"}`), ",")+`],`+policies(policy("iss", issuerV1, "aud", audience))[1:])(workflow)
	g := &gate.Gate{
		Directory: func(context.Context, string) (*gate.Target, error) { return workflow, nil },
		Client:    gate.Peer, Now: func() time.Time { return now }, Log: zerolog.Nop(), Tokens: newEntra().tokens(b), Observe: func(gate.Decision) {},
		Next: func(w http.ResponseWriter, _ *http.Request, _ gate.Call) *gate.Rejection {
			w.WriteHeader(http.StatusAccepted)
			return nil
		},
	}
	signed := httptest.NewRequestWithContext(b.Context(), "PUT", invoke+"?"+signed(manualRun, "2027-01-01T00:00:00.0000000Z").Encode(), nil)
	token := httptest.NewRequestWithContext(b.Context(), "PUT", invoke+"?api-version=2016-10-01", nil)
	token.Header.Set("Authorization", "Bearer "+good(b))
	for name, r := range map[string]*http.Request{"SAS": signed, "OAuth": token} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				if g.ServeHTTP(w, r); w.Code != http.StatusAccepted {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
