package recurrence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

func lines(problems []value.Problem) string {
	var texts []string
	for _, p := range problems {
		kind := ""
		if p.Warning {
			kind = "warning "
		}
		texts = append(texts, fmt.Sprintf("%s%s %s: %s", kind, p.Path, p.Code, p.Message))
	}
	return strings.Join(texts, "\n")
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ recurrence, want string }{
		{`null`, "$ PropertyNotSpecified: The recurrence of the trigger is missing."},
		{`"Day"`, "$ InvalidWorkflowTriggerRecurrence: The recurrence of the trigger must be an object."},
		{`{}`, "$.frequency PropertyNotSpecified: The recurrence of the trigger has no frequency.\n" +
			"$.interval PropertyNotSpecified: The recurrence of the trigger has no interval."},
		{`{"frequency":"Fortnight","interval":0,"timeZone":"Mars","startTime":"soon","endTime":"2026-02-30","count":0,"schedule":[]}`,
			"$.frequency InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid frequency 'Fortnight'.\n" +
				"$.interval InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid interval '0'.\n" +
				"$.timeZone InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid time zone 'Mars'.\n" +
				"$.startTime InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid start time 'soon'; it must be like '2026-01-31T08:00:00', with a 'Z' behind it where there is no time zone.\n" +
				"$.endTime InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid end time '2026-02-30'.\n" +
				"$.count InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has an invalid count '0'.\n" +
				"$.schedule InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger must be an object."},
		// The wording of the product, as far as it is known.
		{`{"frequency":"Day","interval":1,"weekDays":["Monday"]}`, "$.weekDays InvalidTemplate: Could not find member 'weekDays' on object of type 'FlowRecurrence'. Path 'weekDays'."},
		{`{"frequency":"Month","interval":1,"schedule":{"weekDays":["Saturday"],"monthDays":[8,9]}}`, "$.schedule.weekDays InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger could not have 'WeekDays' for recurrence frequency 'Month'."},
		{`{"frequency":"hour","interval":1,"schedule":{"weekDays":["Saturday"],"hours":[3]}}`, "$.schedule InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid recurrence frequency 'Hour'."},
		{`{"frequency":"Week","interval":1,"schedule":{"monthDays":1,"monthlyOccurrences":[{}]}}`,
			"$.schedule.monthDays InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger could not have 'MonthDays' for recurrence frequency 'Week'.\n" +
				"$.schedule.monthlyOccurrences InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger could not have 'MonthlyOccurrences' for recurrence frequency 'Week'."},
		{`{"frequency":"Week","interval":"2","schedule":{"hours":["8",24,"x"],"minutes":60,"weekDays":["Monday","Caturday",7],"seconds":[1]}}`,
			"$.schedule.seconds InvalidTemplate: Could not find member 'seconds' on object of type 'FlowRecurrenceSchedule'. Path 'schedule.seconds'.\n" +
				"$.schedule.hours[1] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '24' in 'hours'.\n" +
				"$.schedule.hours[2] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value 'x' in 'hours'.\n" +
				"$.schedule.minutes InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '60' in 'minutes'.\n" +
				"$.schedule.weekDays[1] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value 'Caturday' in 'weekDays'.\n" +
				"$.schedule.weekDays[2] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '7' in 'weekDays'."},
		{`{"frequency":"Month","interval":1,"schedule":{"monthDays":[0,32,-32,1.5],"monthlyOccurrences":[1,{"occurrence":6},{"day":"Tag","occurrence":0}]}}`,
			"$.schedule.monthDays[0] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '0' in 'monthDays'.\n" +
				"$.schedule.monthDays[1] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '32' in 'monthDays'.\n" +
				"$.schedule.monthDays[2] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '-32' in 'monthDays'.\n" +
				"$.schedule.monthDays[3] InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '1.5' in 'monthDays'.\n" +
				"$.schedule.monthlyOccurrences[0] InvalidWorkflowTriggerRecurrenceSchedule: A monthly occurrence in the recurrence schedule of the trigger must be an object.\n" +
				"$.schedule.monthlyOccurrences[1].dayOfWeek PropertyNotSpecified: A monthly occurrence in the recurrence schedule of the trigger has no 'dayOfWeek'.\n" +
				"$.schedule.monthlyOccurrences[1].occurrence InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '6' in 'occurrence'.\n" +
				"$.schedule.monthlyOccurrences[2].day InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value 'Tag' in 'day'.\n" +
				"$.schedule.monthlyOccurrences[2].occurrence InvalidWorkflowTriggerRecurrenceSchedule: The recurrence schedule of the trigger has an invalid value '0' in 'occurrence'."},
		// Warnings.
		{`{"frequency":"Month","interval":17}`, "warning $.interval InvalidWorkflowTriggerRecurrence: The recurrence of the trigger has the interval 17; for the frequency 'Month' Logic Apps accepts 1 to 16."},
		{`{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:00:00Z","timeZone":"Tokyo Standard Time"}`, "warning $.timeZone InvalidWorkflowTriggerRecurrence: The time zone is ignored, because the start time ends with 'Z'."},
		{`{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:00:00"}`, "warning $.startTime InvalidWorkflowTriggerRecurrence: The start time is taken as UTC; write a 'Z' behind it, or give a time zone."},
		{`{"frequency":"Month","interval":12,"startTime":"2026-02-05T10:00:00Z","schedule":{"monthDays":[30]}}`, "warning $ InvalidWorkflowTriggerRecurrence: The recurrence of the trigger never occurs."},
		{`{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:00:00Z","endTime":"2026-01-05T09:00:00Z"}`, "warning $ InvalidWorkflowTriggerRecurrence: The recurrence of the trigger never occurs."},
		// Nothing.
		{`{"Frequency":"DAY","INTERVAL":"500","StartTime":"2026-01-05T10:00:00Z","timeZone":"UTC"}`, ""},
		{`{"frequency":"Second","interval":9999999}`, ""},
		{`{"frequency":"Minute","interval":72000}`, ""},
		{`{"frequency":"Hour","interval":12000}`, ""},
		{`{"frequency":"Week","interval":71,"count":null}`, ""},
		{`{"frequency":"Year","interval":1}`, ""},
		{`{"frequency":"Week","interval":1,"schedule":{"hours":["11"],"weekDays":["Monday"]},"startTime":"2020-11-11T11:00:00.0000000","timeZone":"India Standard Time"}`, ""},
	} {
		v, err := value.Parse([]byte(c.recurrence))
		if err != nil {
			t.Fatal(err)
		}
		s, problems := recurrence.Parse(v, root)
		got := lines(problems)
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.recurrence, got, c.want)
		}
		if refused := strings.Contains("\n"+got, "\n$"); refused != (s == nil) {
			t.Errorf("%s: the schedule is there: %v", c.recurrence, s != nil)
		}
	}
}

func TestIntervalBounds(t *testing.T) {
	most := map[string]int{"Second": 9_999_999, "Minute": 72_000, "Hour": 12_000, "Day": 500, "Week": 71, "Month": 16, "Year": 1}
	for frequency, n := range most {
		for interval, problems := range map[string]int{"1": 0, fmt.Sprint(n): 0, fmt.Sprint(n + 1): 1, "-1": 1, `"1.5"`: 1, "1.5": 1, "1.0": 0, `"@parameters('n')"`: 1, "10000000": 1, "99999999999999999999": 1, "true": 1, "[1]": 1} {
			v, err := value.Parse(fmt.Appendf(nil, `{"frequency":%q,"interval":%s}`, frequency, interval))
			if err != nil {
				t.Fatal(err)
			}
			s, found := recurrence.Parse(v, root)
			if len(found) != problems || (s == nil) != (problems > 0 && !found[0].Warning) {
				t.Errorf("%s %s: %v", frequency, interval, found)
			}
		}
	}
}

func TestStartTimeForms(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-31T08:00:00Z":       "2026-01-31 08:00",
		"2026-01-31t08:00:00z":       "2026-01-31 08:00",
		" 2026-01-31T08:00Z ":        "2026-01-31 08:00",
		"2026-01-31T08:00:07.25Z":    "2026-01-31 08:00:07.25",
		"2026-01-31T08:00:00.00000Z": "2026-01-31 08:00",
		"2026-01-31":                 "2026-01-31 00:00",
		"2024-02-29T23:59:59":        "2024-02-29 23:59:59",
		"0001-01-01":                 "0001-01-01 00:00",
		"2023-02-29T00:00:00":        "", "2026-00-01": "", "2026-13-01": "", "2026-04-31": "", "2026-01-00": "", "0000-01-01": "",
		"2026-01-31T24:00:00Z": "", "2026-01-31T08:60:00Z": "", "2026-01-31T08:00:60Z": "", "2026-01-31T8:00:00Z": "",
		"2026-01-31T08:00:00+01:00": "", "2026-01-31T08:00-04:00": "", "2026-01-31T08:00:00.Z": "", "2026-01-31T08:00.5Z": "", "2026-01-31T08:00:00.1x": "",
		"2026-01-31T": "", "T08:00": "", "": "none", "Z": "", "31.01.2026": "", "2026/01/31": "", "2026-01-31 08:00:00": "", "２026-01-31": "", "2026-01-31T+1:00:00": "",
	} {
		v := value.Object(value.Member{Key: "frequency", Value: value.String("Day")}, value.Member{Key: "interval", Value: value.Int(1)}, value.Member{Key: "startTime", Value: value.String(text)})
		s, problems := recurrence.Parse(v, root)
		got := ""
		if s != nil {
			got = show(run(s, at(t, "0001-01-01 00:00"), 1))
		} else if len(problems) != 1 || problems[0].Path.String() != "$.startTime" {
			t.Errorf("%q: %v", text, problems)
		}
		if want == "0001-01-01 00:00" {
			want = "none" // which Go takes for no time at all
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestProblemsDoNotShowSecrets(t *testing.T) {
	secret := value.String("planted-secret").Mark(value.Origin{Class: value.Credential, Name: "parameter:x"})
	v := value.Object(
		value.Member{Key: "frequency", Value: secret}, value.Member{Key: "interval", Value: secret}, value.Member{Key: "timeZone", Value: secret},
		value.Member{Key: "startTime", Value: secret}, value.Member{Key: "endTime", Value: value.Array(secret)}, value.Member{Key: "count", Value: secret})
	_, problems := recurrence.Parse(v, root)
	if len(problems) != 6 {
		t.Errorf("problems: %v", problems)
	}
	if text := lines(problems); strings.Contains(text, "planted") || !strings.Contains(text, value.Redacted) {
		t.Errorf("problems: %s", text)
	}
	long := value.Object(value.Member{Key: "frequency", Value: value.String(strings.Repeat("ü", 10_000))}, value.Member{Key: "interval", Value: value.Int(1)})
	if _, problems := recurrence.Parse(long, root); len(problems[0].Message) > 400 {
		t.Errorf("a message of %d bytes", len(problems[0].Message))
	}
}
