// Command latchwork runs Azure Logic Apps workflow definitions outside Logic
// Apps: as a custom handler of an Azure Functions app, or by itself.
package main

import (
	"os"

	"github.com/latchwork/latchwork/handlers"
)

func main() { os.Exit(handlers.Main(os.Args[1:])) }
