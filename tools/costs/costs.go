package main

import (
	"fmt"
	"strings"
)

// List prices in US dollars, pay-as-you-go, a US region, as published in 2025 and
// written down on 21 November 2026. Check them before you quote them.
const (
	consumptionGBs, freeConsumptionGBs             = 0.000016, 400_000.0
	consumptionExecution, freeConsumptionExecution = 0.20 / 1e6, 1e6
	flexGBs, freeFlexGBs                           = 0.000026, 100_000.0
	flexExecution, freeFlexExecution               = 0.40 / 1e6, 250_000.0

	tableTransaction = 0.00036 / 1e4
	tableGB          = 0.045
	queueOperation   = 0.004 / 1e4
	blobWrite        = 0.05 / 1e4
	blobOther        = 0.005 / 1e4
	vaultOperation   = 0.03 / 1e4
	logGB, freeLogGB = 2.30, 5.0
	alertRule        = 0.50

	builtIn, freeBuiltIn = 0.000025, 4_000.0
	standardConnector    = 0.000125
	retainedGB           = 0.12
)

// What is assumed of a month of 30 days and of a run.
const (
	seconds = 30 * 24 * 3600.0
	minutes = seconds / 60

	runTime, sweepTime = 0.6, 0.1 // seconds
	memory             = 0.25     // GB, as Consumption measures it
	rowKB, logKB       = 8.0, 2.0
	workflows          = 10.0

	// The transactions of a run are counted by tests of shared/engine, which fail when it
	// costs more: TestSampleRunsAndCostsWhatWasPromised, TestRetentionCostsWhatWasPromised,
	// TestSweepCostsWhatWasPromised.
	runTransactions     = 3.0
	removalTransactions = 2.3             // two ranges; the rest is shared with other runs
	sweepTransactions   = 1 + workflows   // each minute
	lookTransactions    = 1 + 2*workflows // for what is old, each ten minutes
	queueLooks          = 2 * seconds / 2 // two queues, each every maxPollingInterval of host.json
	lockRenewals        = seconds / 10    // by the Functions host, about
)

// month is a number of runs, evenly spread.
type month struct{ runs float64 }

// beyond is what is left to pay of an amount of which some is free.
func beyond(amount, free float64) float64 { return max(amount-free, 0) }

func (m month) executions() float64 { return m.runs + minutes }

func (m month) consumptionGBs() float64 { return (m.runs*runTime + minutes*sweepTime) * memory }

func (m month) consumption() (time, executions float64) {
	return beyond(m.consumptionGBs(), freeConsumptionGBs) * consumptionGBs, beyond(m.executions(), freeConsumptionExecution) * consumptionExecution
}

// flexSeconds: an instance is active for a second at least for each execution; one of
// them takes all calls here, and another one the timer, since Flex scales each trigger
// that is not HTTP by itself.
func (m month) flexSeconds() float64 { return min(m.runs, seconds) + minutes }

func (m month) flex(gb float64) (time, executions float64) {
	return beyond(m.flexSeconds()*gb, freeFlexGBs) * flexGBs, beyond(m.executions(), freeFlexExecution) * flexExecution
}

func (m month) atRest() float64 {
	return queueLooks*queueOperation + lockRenewals*blobOther + minutes*blobWrite + (minutes*sweepTransactions+minutes/10*lookTransactions)*tableTransaction
}

func (m month) rows() (transactions, kept float64) {
	return m.runs * (runTransactions + removalTransactions) * tableTransaction, m.runs * rowKB / 1e6 * tableGB
}

// vault: a secret is used for a minute.
func (m month) vault() float64 { return min(m.runs, minutes) * vaultOperation }

func (m month) logs() float64 {
	return beyond(m.executions()*logKB/1e6, freeLogGB) * logGB
}

// shared is what both plans pay.
func (m month) shared() float64 {
	transactions, kept := m.rows()
	return m.atRest() + transactions + kept + m.vault() + m.logs() + 3*alertRule
}

// logicApps: three built-in operations and one of a standard connector a run.
func (m month) logicApps() (builtIns, connectors, kept float64) {
	return beyond(3*m.runs, freeBuiltIn) * builtIn, m.runs * standardConnector, m.runs * rowKB / 1e6 * retainedGB
}

func sum(list ...float64) (total float64) {
	for _, v := range list {
		total += v
	}
	return total
}

func tables() string {
	months := []month{{0}, {100_000}, {10_000_000}}
	var b strings.Builder
	row := func(name string, cell func(month) string) {
		cells := []string{name}
		for _, m := range months {
			cells = append(cells, cell(m))
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	head := func(name string) {
		fmt.Fprintf(&b, "| %s | 0 | 100 thousand | 10 million |\n| --- | --- | --- | --- |\n", name)
	}
	bold := func(v float64) string { return fmt.Sprintf("**%.2f**", v) }
	pair := func(x, y float64) string { return fmt.Sprintf("%.2f + %.2f", x, y) }
	flexTotal := func(gb float64) func(month) string {
		return func(m month) string { time, each := m.flex(gb); return bold(time + each + m.shared()) }
	}
	head("runs a month")
	row("**Consumption**", func(m month) string { time, each := m.consumption(); return bold(time + each + m.shared()) })
	row("**Flex Consumption, 512 MB**", flexTotal(0.5))
	row("**Flex Consumption, 2048 MB**", flexTotal(2))
	row("**Logic Apps Consumption**", func(m month) string { x, y, z := m.logicApps(); return bold(sum(x, y, z)) })

	b.WriteString("\nHow that comes about:\n\n")
	head("")
	row("executions: runs + 43,200 sweeps (one a minute)", func(m month) string { return grouped(m.executions()) })
	row("Consumption, GB-seconds: runs × 0.6 s × 0.25 GB + sweeps × 0.1 s × 0.25 GB", func(m month) string { return grouped(m.consumptionGBs()) })
	row("… at 0.000016, the first 400,000 free, + executions at 0.20 a million, the first million free", func(m month) string { return pair(m.consumption()) })
	row("Flex, seconds that instances are active: one for each run, but no more than the month has, and one for each sweep, on an instance of its own", func(m month) string { return grouped(m.flexSeconds()) })
	row("… 512 MB: × 0.5 GB at 0.000026, the first 100,000 GB-s free, + executions at 0.40 a million, the first 250,000 free", func(m month) string { return pair(m.flex(0.5)) })
	row("… 2048 MB: × 2 GB, the same", func(m month) string { return pair(m.flex(2)) })
	row(fmt.Sprintf("storage, at rest: %s looks into two queues at 0.004, %s renewals of the host's locks at 0.005, %s timer statuses at 0.05, %s ranges that sweeps and cleaning read (10 workflows) at 0.00036 for 10,000",
		grouped(queueLooks), grouped(lockRenewals), grouped(minutes), grouped(minutes*sweepTransactions+minutes/10*lookTransactions)),
		func(m month) string { return fmt.Sprintf("%.2f", m.atRest()) })
	row(fmt.Sprintf("storage, of runs: %.0f transactions to run and %.1f to remove it after its time at 0.00036 for 10,000, 8 KB at 0.045 a GB", runTransactions, removalTransactions), func(m month) string { return pair(m.rows()) })
	row("Key Vault: the secret once a minute at most, at 0.03 for 10,000", func(m month) string { return fmt.Sprintf("%.2f", m.vault()) })
	row("logs: 2 KB an execution at 2.30 a GB, the first 5 GB free", func(m month) string { return fmt.Sprintf("%.2f", m.logs()) })
	row("three alert rules, looked at every 15 minutes, 0.50 each", func(month) string { return fmt.Sprintf("%.2f", 3*alertRule) })
	row("Logic Apps: 3 built-in operations at 0.000025 (the first 4,000 free) + one standard connector at 0.000125 a run + retention of 8 KB at 0.12 a GB", func(m month) string {
		x, y, z := m.logicApps()
		return fmt.Sprintf("%.2f + %.2f + %.2f", x, y, z)
	})
	return b.String()
}

// grouped writes a whole number with commas.
func grouped(v float64) string {
	text := fmt.Sprintf("%.0f", v)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
