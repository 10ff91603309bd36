package wire

import "fmt"

// ValidSignature returns nil if s is a signature: any number of complete types,
// at most [MaxSignature] bytes, nested within [MaxSignatureNesting]. The empty
// signature is valid. Otherwise the error quotes s and says what is wrong.
func ValidSignature(s string) error {
	if problem := signatureProblem(s); problem != "" {
		return fmt.Errorf("signature %q: %s", s, problem)
	}
	return nil
}

// signatureProblem returns what is wrong with a signature, or "".
func signatureProblem[T text](sig T) string {
	if len(sig) > MaxSignature {
		return "longer than 255 bytes"
	}
	for i := 0; i < len(sig); {
		next, problem := completeType(sig, i, 0, 0)
		if problem != "" {
			return problem
		}
		i = next
	}
	return ""
}

// singleProblem is signatureProblem for what must be exactly one complete type,
// as in a variant.
func singleProblem[T text](sig T) string {
	if len(sig) == 1 && isBasic(sig[0]) {
		return ""
	}
	if len(sig) > MaxSignature {
		return "longer than 255 bytes"
	}
	next, problem := completeType(sig, 0, 0, 0)
	if problem == "" && next != len(sig) {
		return "more than one complete type"
	}
	return problem
}

// completeType checks the complete type at sig[i], inside so many arrays and
// structs, and returns where it ends, or the problem.
func completeType[T text](sig T, i, arrays, structs int) (next int, problem string) {
	if i >= len(sig) {
		return 0, "ends inside a type"
	}
	switch c := sig[i]; c {
	case 'v':
		return i + 1, ""
	case 'a':
		if arrays == MaxSignatureNesting {
			return 0, "arrays nested too deeply"
		}
		if i+1 < len(sig) && sig[i+1] == '{' {
			return dictEntry(sig, i+1, arrays+1, structs)
		}
		return completeType(sig, i+1, arrays+1, structs)
	case '(':
		if structs == MaxSignatureNesting {
			return 0, "structs nested too deeply"
		}
		i++
		if i < len(sig) && sig[i] == ')' {
			return 0, "struct without members"
		}
		for {
			if i, problem = completeType(sig, i, arrays, structs+1); problem != "" {
				return 0, problem
			}
			if i < len(sig) && sig[i] == ')' {
				return i + 1, ""
			}
		}
	default:
		if isBasic(c) {
			return i + 1, ""
		}
		return 0, "unknown or misplaced type code"
	}
}

func dictEntry[T text](sig T, i, arrays, structs int) (next int, problem string) {
	i++
	if i >= len(sig) || !isBasic(sig[i]) {
		return 0, "dictionary key is not a basic type"
	}
	i, problem = completeType(sig, i+1, arrays, structs)
	if problem != "" {
		return 0, problem
	}
	if i >= len(sig) || sig[i] != '}' {
		return 0, "dictionary entry is not one key and one value"
	}
	return i + 1, ""
}

// typeEnd returns where the complete type at sig[i] ends. The signature is known
// to be valid.
func typeEnd[T text](sig T, i int) int {
	for sig[i] == 'a' {
		i++
	}
	if sig[i] != '(' && sig[i] != '{' {
		return i + 1
	}
	for open := 0; ; i++ {
		switch sig[i] {
		case '(', '{':
			open++
		case ')', '}':
			open--
			if open == 0 {
				return i + 1
			}
		}
	}
}

// isBasic reports whether c is the code of a basic type: all but variants and
// containers.
func isBasic(c byte) bool {
	switch c {
	case 'y', 'b', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g', 'h':
		return true
	}
	return false
}

// alignment returns what the type that begins with code c aligns to, in bytes.
func alignment(c byte) int {
	switch c {
	case 'n', 'q':
		return 2
	case 'b', 'i', 'u', 's', 'o', 'h', 'a':
		return 4
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 1
}
