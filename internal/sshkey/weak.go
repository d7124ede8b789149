package sshkey

import (
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/bits"
	"slices"
	"sync"
)

// CheckStrength gives an [*Error] for a key that protects nothing, nil for all
// others. It looks for what can be seen at once, not for all that is weak.
func CheckStrength(k PublicKey) error {
	switch k.Algorithm() {
	case typeEd25519, typeSKEd25519:
		if isSmallOrder(k.value()) {
			return fail(CodeWeak, "anybody can make signatures for this Ed25519 key; make a new one")
		}
	case typeRSA:
		if hasSmallFactor(k.value()) {
			return fail(CodeWeak, "the RSA modulus has a small factor, so the key is damaged or was made to be broken; make a new one")
		}
	}
	return nil
}

// smallOrder are the y-coordinates, in all their encodings, of the points of
// edwards25519 whose order divides its cofactor 8. A signature for such a key
// is made without a private key, so the key lets in whoever comes.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000", // 0, order 4
	"0100000000000000000000000000000000000000000000000000000000000000", // 1, order 1
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p-1, order 2
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, that is 0
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p+1, that is 1
}

// isSmallOrder looks at an Ed25519 key without the sign of x, its highest bit.
func isSmallOrder(point string) bool {
	y := []byte(point)
	y[len(y)-1] &= 0x7f
	return slices.Contains(smallOrder, hex.EncodeToString(y))
}

// primes are prime numbers whose product has 62 bits at most.
type primes struct {
	product   uint64
	each      []uint64
	r64, r128 uint64 // what 2^64 and 2^128 leave when divided by the product
}

// dividing gives primes with all that is known of them.
func dividing(product uint64, each []uint64) primes {
	_, r64 := bits.Div64(1, 0, product)
	_, r128 := bits.Div64(r64, 0, product)
	return primes{product, each, r64, r128}
}

// smallPrimes are the primes below 752. A modulus that shares one of them was
// not made by a key generator: a random bit error in a good one is found by this
// four times in five.
var smallPrimes = sync.OnceValue(func() []primes {
	var all []primes
	product, each := uint64(1), []uint64(nil)
	for n := uint64(2); n < 752; n++ {
		if !big.NewInt(int64(n)).ProbablyPrime(0) {
			continue
		}
		if over, more := bits.Mul64(product, n); over > 0 || more>>62 > 0 {
			all = append(all, dividing(product, each))
			product, each = 1, nil
		}
		product *= n
		each = append(each, n)
	}
	return append(all, dividing(product, each))
})

// hasSmallFactor divides by many primes at once: keys are asked this each time
// that they are served.
func hasSmallFactor(modulus string) bool {
	for _, p := range smallPrimes() {
		rest := p.remainder(modulus)
		if slices.ContainsFunc(p.each, func(prime uint64) bool { return rest%prime == 0 }) {
			return true
		}
	}
	return false
}

// remainder is what is left of a big-endian number by division by the product.
// It multiplies, which takes a tenth of the time: of what was read before, each
// 64 bits are replaced by what they leave. That always fits in 128 bits.
func (p primes) remainder(number string) uint64 {
	var high, low uint64
	for ; len(number)%8 > 0; number = number[1:] {
		low = low<<8 | uint64(number[0])
	}
	for ; number != ""; number = number[8:] {
		h, l := bits.Mul64(high, p.r128)
		high, low = bits.Mul64(low, p.r64)
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high += h + carry
		low, carry = bits.Add64(low, binary.BigEndian.Uint64([]byte(number[:8])), 0)
		high += carry
	}
	_, rest := bits.Div64(high%p.product, low, p.product)
	return rest
}
