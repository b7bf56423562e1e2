package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
)

// A run that a Terminate is ending, in more than one step, ends as the action said
// although it is cancelled meanwhile.
func TestCancellationOfARunThatEndsAlready(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, `{"A":{%s},"T":{"type":"Terminate","inputs":{"runStatus":"Failed","runError":{"code":"E"}},"runAfter":{"A":["Succeeded"]}}`, h)
	for i := range 2 * run.MaxTouched {
		fmt.Fprintf(&b, `,"L%d":{"type":"Compose","inputs":1,"runAfter":{"T":["Succeeded"]}}`, i)
	}
	b.WriteString("}")
	s := start(t, b.String())
	run.Apply(s.p, s.s, run.Completed{Action: "A", Attempt: 1, Outcome: ok()}, s.ambient()) // one step of several
	s.s.Committed(nil)
	if s.s.Stopping != definition.Failed || s.s.Status.Final() {
		t.Fatalf("the run is %s, about to be %s", s.s.Status, s.s.Stopping)
	}
	s.apply(run.Cancelled{})
	if last := s.s.Records["L79"]; s.s.Status != definition.Failed || s.s.Code != "Terminated" || s.s.Cancelled || last.Code != "Terminated" {
		t.Errorf("the run is %s %s, cancelled %t; what was left is %s", s.s.Status, s.s.Code, s.s.Cancelled, last.Code)
	}
}
