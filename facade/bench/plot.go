//go:build linux

package main

import (
	"fmt"
	"math"
	"strings"
)

// The colors of the clients, in the order of the tables.
var colors = []string{"#1b6ca8", "#7fb7de", "#555555", "#d98e04", "#b23a48", "#7a5195"}

// plot draws the CPU time for each event as bars in multiples of the C client's, on a logarithmic scale.
func (r *report) plot() string {
	const (
		left, right, top  = 60, 20, 40
		bar, gap, height  = 16, 28, 260
		least, greatest   = 0.25, 64.0
		labels, perColumn = 60, 22
	)
	y := func(v float64) float64 {
		v = min(max(v, least), greatest)
		return top + height - height*math.Log2(v/least)/math.Log2(greatest/least)
	}
	var groups []*result
	for _, x := range r.results {
		if len(x.samples["floor"]) > 0 && x.growth == "" && x.id != "W7" && x.id != "W9" {
			groups = append(groups, x)
		}
	}
	width := left + right + len(groups)*(gap+len(r.clients)*bar)
	width = max(width, 640)
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		width, top+height+labels+perColumn*len(r.clients)/2)
	s.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	fmt.Fprintf(&s, `<text x="%d" y="22" font-size="14">CPU time for each event, in multiples of the C client's (logarithmic)</text>`+"\n", left)
	for v := least; v <= greatest; v *= 2 {
		stroke := "#dddddd"
		if v == 1 {
			stroke = "#555555"
		}
		fmt.Fprintf(&s, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			left, width-right, y(v), y(v), stroke, left-6, y(v)+4, v)
	}
	for g, x := range groups {
		at := left + gap/2 + g*(gap+len(r.clients)*bar)
		fmt.Fprintf(&s, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", at+len(r.clients)*bar/2, top+height+18, x.id)
		for i, c := range r.clients {
			if v, ok := x.ratio(c.name, "floor"); ok {
				fmt.Fprintf(&s, `<rect x="%d" y="%.1f" width="%d" height="%.1f" fill="%s"><title>%s, %s: %.2f</title></rect>`+"\n",
					at+i*bar, y(v), bar-2, top+height-y(v), colors[i%len(colors)], x.id, c.title, v)
			}
		}
	}
	for i, c := range r.clients {
		x, line := left+i%2*300, top+height+labels-18+i/2*perColumn
		fmt.Fprintf(&s, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			x, line, colors[i%len(colors)], x+18, line+11, c.title)
	}
	s.WriteString("</svg>\n")
	return s.String()
}
