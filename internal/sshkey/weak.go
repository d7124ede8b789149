package sshkey

import (
	"encoding/hex"
	"math/big"
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

// smallPrimes is the product of the primes below 752. A modulus that shares
// one of them was not made by a key generator: a random bit error in a good
// one is found by this four times in five.
var smallPrimes = sync.OnceValue(func() *big.Int {
	product := big.NewInt(2)
	for n := int64(3); n < 752; n += 2 {
		if p := big.NewInt(n); p.ProbablyPrime(0) {
			product.Mul(product, p)
		}
	}
	return product
})

func hasSmallFactor(modulus string) bool {
	n := new(big.Int).SetBytes([]byte(modulus))
	return new(big.Int).GCD(nil, nil, n, smallPrimes()).Cmp(big.NewInt(1)) != 0
}
