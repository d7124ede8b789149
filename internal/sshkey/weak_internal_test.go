package sshkey

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Dividing by words finds what the greatest common divisor tells.
func TestSmallFactors(t *testing.T) {
	t.Parallel()
	product := big.NewInt(1)
	for n := range int64(752) {
		if p := big.NewInt(n); p.ProbablyPrime(20) {
			product.Mul(product, p)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		modulus := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(rt, "modulus")
		n := new(big.Int).SetBytes(modulus)
		want := new(big.Int).GCD(nil, nil, n, product).Cmp(big.NewInt(1)) != 0
		if got := hasSmallFactor(string(modulus)); got != want {
			rt.Errorf("hasSmallFactor(%x) = %v, want %v", modulus, got, want)
		}
	})
}

// The smallest and the largest of the primes, and the one that is too large.
func TestSmallFactorsAtTheirEnds(t *testing.T) {
	t.Parallel()
	large := new(big.Int).Exp(big.NewInt(757), big.NewInt(200), nil)
	for factor, want := range map[int64]bool{1: false, 2: true, 3: true, 743: true, 751: true, 757: false, 0: true} {
		n := new(big.Int).Mul(large, big.NewInt(factor))
		if got := hasSmallFactor(string(n.Bytes())); got != want {
			t.Errorf("a number with the factor %d: %v, want %v", factor, got, want)
		}
	}
}
