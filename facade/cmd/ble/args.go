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

// oneCommand is what the root command makes of arguments that name no command.
func oneCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command given: %s --help lists them", cmd.Name())
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("unknown command %q: %s --help lists them", args[0], cmd.Name())
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
