package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/gobluez/bluez/facade"
)

// printLine writes text and a newline at once, so that lines are whole whatever reads them.
func printLine(w io.Writer, text string) error {
	_, err := io.WriteString(w, text+"\n")
	return err
}

// printJSON writes v as one line of JSON.
func printJSON(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	return printLine(w, string(line))
}

// valueJSON is what read, write and notify print with --json.
type valueJSON struct {
	Time    time.Time      `json:"time"`
	Adapter string         `json:"adapter"`
	Address facade.Address `json:"address"`
	UUID    facade.UUID    `json:"uuid"`
	Handle  facade.Handle  `json:"handle"`
	Value   string         `json:"value"`             // always hex
	Decoded any            `json:"decoded,omitempty"` // with a --format other than hex: a string or a list of numbers
}

// decoded returns value for JSON: a string for utf8, numbers otherwise, nil for hex. What JSON has no number for (NaN and
// the infinities) is a string.
func (f format) decoded(value []byte) (any, error) {
	if f.kind == 't' {
		return string(value), nil
	}
	if !f.numeric() {
		return nil, nil
	}
	texts, err := f.numbers(value)
	if err != nil {
		return nil, err
	}
	numbers := make([]any, 0, len(texts))
	for _, text := range texts {
		if n, err := strconv.ParseFloat(text, 64); err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			numbers = append(numbers, text)
			continue
		}
		numbers = append(numbers, json.Number(text))
	}
	return numbers, nil
}

// printValue prints a value of a characteristic: bare in its format, or as an object with --json.
func (t *tool) printValue(d facade.Device, c *facade.Characteristic, f format, value []byte, at time.Time) error {
	if !t.json {
		text, err := f.Format(value)
		if err != nil {
			return err
		}
		return printLine(t.stdout, text)
	}
	decoded, err := f.decoded(value)
	if err != nil {
		return err
	}
	return printJSON(t.stdout, valueJSON{at, d.Adapter, d.Address, c.UUID, c.Handle, hex.EncodeToString(value), decoded})
}
