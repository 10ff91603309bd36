package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/spf13/cobra"
)

// A tool is one run of the command: where it reads and writes, and the flags that every command has.
type tool struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	adapter adapterName
	timeout duration
	json    bool
	verbose bool
	sim     bool

	log   *slog.Logger    // the tool's and the library's: standard error with --verbose, else nowhere
	begun bool            // the arguments were accepted; what fails from here on is not the command line's fault
	world *bluetest.World // the simulated BlueZ of --sim
}

// run runs the command line args (without the program's name) and returns the exit code. It returns soon after ctx ends,
// which is what Ctrl-C does.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &tool{stdin: stdin, stdout: stdout, stderr: stderr, timeout: duration(30 * time.Second), log: slog.New(slog.DiscardHandler)}
	root := t.rootCommand()
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCobraCommands(root)
	root.SetArgs(negativesAsArguments(root, append([]string{}, args...))) // cobra takes nil for os.Args
	err := root.ExecuteContext(ctx)
	if t.world != nil {
		err = errors.Join(err, t.world.Close())
	}
	if err != nil && !t.begun {
		err = usageError{err}
	}
	code := exitCode(ctx, err)
	if message := complaint(code, err); message != "" {
		fmt.Fprintf(stderr, "ble: %s\n", message)
	}
	return code
}

const rootHelp = `ble talks to Bluetooth Low Energy devices through BlueZ, the Bluetooth service of Linux.

DEVICE is an address (C0:FF:EE:00:00:01, any case) or a device's exact name. A device that BlueZ does not know yet is
looked for with a scan.

CHARACTERISTIC is a UUID or a handle:
  2a37, 0x2A37      a UUID of 16 bits, or a handle if the device has no such UUID
  00002a37          a UUID of 32 bits
  00002a37-0000-1000-8000-00805f9b34fb
                    a UUID of 128 bits
  handle:0010       the declaration handle, 4 hex digits, as ble inspect prints it

A UUID that several characteristics share is an error: choose one of them by its handle.

Exit codes:
  0    done (also a scan that found nothing, and Ctrl-C of what runs until then: scan, notify, monitor, advertise, serve)
  1    failed
  2    used wrongly: nothing was sent to Bluetooth
  3    Bluetooth is not available: no D-Bus, no bluetoothd, no adapter, or the adapter is off
  4    no such device or characteristic, or several characteristics of that UUID
  5    timed out
  130  ended by Ctrl-C

Environment:
  DBUS_SYSTEM_BUS_ADDRESS  where the D-Bus is, if not in its usual place
  BLUEZ_DEBUG=frames       print a line for each D-Bus message on standard error`

func (t *tool) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ble",
		Short:         "Talk to Bluetooth Low Energy devices through BlueZ",
		Long:          rootHelp,
		Version:       version(),
		Args:          oneCommand,
		RunE:          func(cmd *cobra.Command, args []string) error { return nil },
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			t.begun = true
			if t.verbose {
				t.log = slog.New(slog.NewTextHandler(t.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
			if t.sim {
				t.world, err = bluetest.New(cmd.Context(), simulation())
			}
			return err
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("ble {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if args := cmd.Flags().Args(); cmd == root && len(args) > 0 {
			return oneCommand(root, args) // a flag of a command that does not exist
		}
		return err
	})
	root.Flags().Bool("version", false, "print the version")
	flags := root.PersistentFlags()
	flags.Var(&t.adapter, "adapter", "Bluetooth adapter to use (default: the first that is on)")
	flags.Var(&t.timeout, "timeout", "longest wait for Bluetooth to answer, in seconds or with a unit")
	flags.BoolVar(&t.json, "json", false, "print one JSON object a line")
	flags.BoolVar(&t.verbose, "verbose", false, "say on standard error what is being done")
	flags.BoolVar(&t.sim, "sim", false, "use a simulated BlueZ with a few devices around (see ble sim)")
	root.AddCommand(
		t.adaptersCommand(), t.scanCommand(), t.inspectCommand(), t.readCommand(), t.writeCommand(), t.notifyCommand(),
		t.pairCommand(), t.forgetCommand(), t.devicesCommand(), t.monitorCommand(), t.advertiseCommand(), t.serveCommand(), t.simCommand(),
	)
	for _, cmd := range root.Commands() {
		cmd.DisableFlagsInUseLine = true // they name their own
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	return root
}

// version describes this build, from what the go command recorded in it.
func version() string {
	module := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		module = info.Main.Version
	}
	return fmt.Sprintf("%s %s %s/%s", module, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
