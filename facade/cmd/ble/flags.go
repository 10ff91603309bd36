package main

import (
	"errors"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// duration is a flag's span of time: Go's notation (1m30s, 500ms) or seconds without a unit, more than none.
type duration time.Duration

func (d *duration) Set(text string) error {
	span, err := time.ParseDuration(text)
	if seconds, plain := strconv.ParseFloat(text, 64); plain == nil {
		span, err = time.ParseDuration(strconv.FormatFloat(seconds, 'f', -1, 64) + "s")
	}
	if err != nil {
		return errors.New("must be a span of time, such as 10s, 1m30s or 500ms")
	}
	if span <= 0 {
		return errors.New("must be more than 0")
	}
	*d = duration(span)
	return nil
}

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (d *duration) Type() string { return "D" }

// count is a flag's number of things, 1 or more.
type count int

func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("must be a whole number, 1 or more")
	}
	*c = count(n)
	return nil
}

func (c *count) String() string {
	if *c == 0 {
		return ""
	}
	return strconv.Itoa(int(*c))
}

func (c *count) Type() string { return "N" }

// adapterName is a flag's adapter, as the kernel names them.
type adapterName string

func (a *adapterName) Set(text string) error {
	if !regexp.MustCompile(`^hci[0-9]+$`).MatchString(text) {
		return errors.New("must be hci and a number, such as hci0: ble adapters lists them")
	}
	*a = adapterName(text)
	return nil
}

func (a *adapterName) String() string { return string(*a) }

func (a *adapterName) Type() string { return "hciN" }

// formatFlag gives cmd the flag --format.
func formatFlag(cmd *cobra.Command, f *format) {
	cmd.Flags().Var(f, "format", "how the value is written, numbers in little endian order")
	// The only error is that the flag does not exist.
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
}
