package gen

import (
	"fmt"
	"strings"
)

// diffContext is how many equal lines surround a difference.
const diffContext = 3

// maxDiffCells bounds the table of the longest common subsequence. Beyond it everything between the first and the last
// difference counts as replaced.
const maxDiffCells = 1 << 24

// unifiedDiff returns the differences of two texts, or nothing if they are equal.
func unifiedDiff(from, to, before, after string) string {
	if before == after {
		return ""
	}
	edits := diffLines(splitLines(before), splitLines(after))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", from, to)
	for start := 0; start < len(edits); {
		first := nextChange(edits, start)
		if first == len(edits) {
			break
		}
		// The hunk reaches to the last change before more equal lines than two contexts.
		last := first
		for next := first; next < len(edits) && next-last <= 2*diffContext; next = nextChange(edits, next+1) {
			last = next
		}
		low, high := max(first-diffContext, start), min(last+1+diffContext, len(edits))
		writeHunk(&b, edits, low, high)
		start = high
	}
	return b.String()
}

// edit is one line of a diff: ' ' in both texts, '-' in the first, '+' in the second.
type edit struct {
	op   byte
	line string
}

func nextChange(edits []edit, from int) int {
	for from < len(edits) && edits[from].op == ' ' {
		from++
	}
	return from
}

func writeHunk(b *strings.Builder, edits []edit, low, high int) {
	// Line numbers count from 1, those of an empty range are of the line before it.
	position := func(skip byte) (start, count int) {
		for _, e := range edits[:low] {
			if e.op != skip {
				start++
			}
		}
		for _, e := range edits[low:high] {
			if e.op != skip {
				count++
			}
		}
		if count > 0 {
			start++
		}
		return start, count
	}
	oldStart, oldCount := position('+')
	newStart, newCount := position('-')
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", oldStart, oldCount, newStart, newCount)
	for _, e := range edits[low:high] {
		b.WriteByte(e.op)
		b.WriteString(e.line)
		if !strings.HasSuffix(e.line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

func splitLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, line)
	}
	return lines
}

// diffLines returns the shortest way from a to b.
func diffLines(a, b []string) []edit {
	var edits []edit
	prefix := 0
	for prefix < len(a) && prefix < len(b) && a[prefix] == b[prefix] {
		edits = append(edits, edit{' ', a[prefix]})
		prefix++
	}
	suffix := 0
	for suffix < len(a)-prefix && suffix < len(b)-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	tail := a[len(a)-suffix:]
	a, b = a[prefix:len(a)-suffix], b[prefix:len(b)-suffix]
	// common[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
	width := len(b) + 1
	var common []int32
	if (len(a)+1)*width <= maxDiffCells {
		common = make([]int32, (len(a)+1)*width)
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if a[i] == b[j] {
					common[i*width+j] = common[(i+1)*width+j+1] + 1
				} else {
					common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case common != nil && i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common == nil || common[(i+1)*width+j] >= common[i*width+j+1]):
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	for _, line := range tail {
		edits = append(edits, edit{' ', line})
	}
	return edits
}
