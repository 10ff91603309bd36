package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exactly wants one argument for each name, and says which is missing or too many.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s: %s is missing: %s", cmd.Name(), names[len(args)], cmd.UseLine())
		case len(args) > len(names):
			return fmt.Errorf("%s: argument %q is one too many: %s", cmd.Name(), args[len(names)], cmd.UseLine())
		}
		return nil
	}
}

// oneCommand is what a command with commands below it makes of arguments that name none of them.
func oneCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command given: %s --help lists them", cmd.CommandPath())
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("unknown command %q: %s --help lists them", args[0], cmd.CommandPath())
}

// topic wants arguments that name a command, or none.
func topic(help *cobra.Command, args []string) error {
	cmd, rest, err := help.Root().Find(args)
	switch {
	case err != nil || len(rest) == 0:
		return err
	case cmd.HasSubCommands():
		return oneCommand(cmd, rest)
	default:
		return fmt.Errorf("help: argument %q is one too many: %s", rest[0], help.UseLine())
	}
}

// addCobraCommands adds the commands help and completion, which are cobra's own but for what they make of arguments that they do
// not know: those are mistakes. The output of root must be set already.
func addCobraCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = topic
			cmd.DisableFlagsInUseLine = true
		case "completion":
			cmd.Args = oneCommand
			cmd.RunE = root.RunE // or cobra would print the help before it looks at the arguments
			cmd.SuggestionsMinimumDistance = root.SuggestionsMinimumDistance
		}
	}
}

// negativesAsArguments returns args such that an argument that begins like a negative number (-5, -.5) is not taken for a
// flag: no flag begins with a digit. Where there is one, flags go to the front and arguments behind a "--", each in its order.
func negativesAsArguments(root *cobra.Command, args []string) []string {
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root {
		return args
	}
	var flags, arguments []string
	negative := false
	for len(rest) > 0 {
		arg := rest[0]
		rest = rest[1:]
		switch {
		case arg == "--":
			arguments = append(arguments, rest...)
			rest = nil
		case isNegative(arg):
			negative = true
			arguments = append(arguments, arg)
		case strings.HasPrefix(arg, "-") && arg != "-":
			flags = append(flags, arg)
			if len(rest) > 0 && takesNext(cmd, arg) {
				flags = append(flags, rest[0])
				rest = rest[1:]
			}
		default:
			arguments = append(arguments, arg)
		}
	}
	if !negative {
		return args
	}
	path := strings.Fields(cmd.CommandPath())[1:]
	return append(append(append(path, flags...), "--"), arguments...)
}

func isNegative(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && strings.ContainsRune(".0123456789", rune(arg[1]))
}

// takesNext tells whether the argument after the flag arg is the flag's value.
func takesNext(cmd *cobra.Command, arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	var flag *pflag.Flag
	if name, long := strings.CutPrefix(arg, "--"); long {
		flag = cmd.Flag(name)
	} else {
		flag = cmd.Flags().ShorthandLookup(arg[len(arg)-1:])
	}
	return flag != nil && flag.NoOptDefVal == ""
}
