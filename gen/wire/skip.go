package wire

// Skip reads the values of a signature and drops them. They are checked as if
// they were read. Descriptors are not taken. A sig that is not a signature is an
// error.
func (d *Decoder) Skip(sig string) {
	if err := ValidSignature(sig); err != nil {
		d.Fail(err)
		return
	}
	for i := 0; i < len(sig) && d.err == nil; {
		i = skipType(d, sig, i, 0)
	}
}

// SkipVariant reads a variant (v) of any type and drops it, as Skip does.
func (d *Decoder) SkipVariant() { d.skipVariant(0) }

// skipVariant skips a variant inside depth containers and returns a view of its
// signature, nil after an error.
func (d *Decoder) skipVariant(depth int) []byte {
	sig := d.variantSignature(depth)
	if d.err != nil {
		return nil
	}
	skipType(d, sig, 0, depth+1)
	return sig
}

// skipType skips a value of the complete type at sig[i], inside depth containers,
// and returns where the type ends. The signature is known to be valid.
func skipType[T text](d *Decoder, sig T, i, depth int) (next int) {
	switch sig[i] {
	case 'y':
		d.Byte()
	case 'b':
		d.Bool()
	case 'n', 'q':
		d.fixed(2)
	case 'i', 'u', 'h':
		d.fixed(4)
	case 'x', 't', 'd':
		d.fixed(8)
	case 's':
		d.StringView()
	case 'o':
		d.objectPathView()
	case 'g':
		d.SignatureView()
	case 'v':
		d.skipVariant(depth)
	case 'a':
		skipArray(d, sig, i+1, depth)
		return typeEnd(sig, i+1)
	default: // '(' or '{'
		if depth >= MaxNesting {
			d.malformed(tooDeep)
			return typeEnd(sig, i)
		}
		d.Struct()
		for i++; sig[i] != ')' && sig[i] != '}'; {
			i = skipType(d, sig, i, depth+1)
		}
	}
	return i + 1
}

// skipArray skips an array whose element type is at sig[i]. Elements that cannot
// be wrong are skipped all at once.
func skipArray[T text](d *Decoder, sig T, i, depth int) {
	if depth >= MaxNesting {
		d.malformed(tooDeep)
		return
	}
	align := alignment(sig[i])
	end := d.Array(align)
	switch sig[i] {
	case 'y', 'n', 'q', 'i', 'u', 'h', 'x', 't', 'd':
		if (end-d.pos)%align != 0 {
			d.malformed("array is not a whole number of elements")
			return
		}
		d.pos = end
	default:
		for d.More(end) {
			skipType(d, sig, i, depth+1)
		}
	}
}
