package scopedsearch

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"keyrack/internal/core"
)

// DefaultPerPage is how many items a page has where nobody says.
const DefaultPerPage = 20

// Paging is the part of a list that is asked for.
type Paging struct {
	Number  int64 // of the page, from 1; given back in the reply
	perPage int64
	all     bool
}

// ParsePaging reads the parameters "page" and "per_page"; empty ones are as
// absent ones. Errors are of type [*Error] and name no class.
func ParsePaging(page, perPage string) (Paging, error) {
	number, err := pageNumber(page)
	if err != nil {
		return Paging{}, err
	}
	p := Paging{Number: number, perPage: DefaultPerPage, all: perPage == "all"}
	if perPage == "" || p.all {
		return p, nil
	}
	p.perPage, err = pageSize(perPage)
	return p, err
}

// PerPage is the size of the page for the reply: a number even where all items
// were asked for, of which there are total.
func (p Paging) PerPage(total int) int64 {
	if p.all {
		return int64(total)
	}
	return p.perPage
}

// Page is the part to ask core for. It is false where no item can be on the
// page: its size is 0, or it begins beyond all that there could be.
func (p Paging) Page() (core.Page, bool) {
	switch {
	case p.all:
		return core.Page{}, true
	case p.perPage == 0:
		return core.Page{}, false
	}
	offset := new(big.Int).Mul(big.NewInt(p.Number-1), big.NewInt(p.perPage))
	if !offset.IsInt64() {
		return core.Page{}, false
	}
	return core.Page{Offset: int(offset.Int64()), Limit: int(p.perPage)}, true
}

// longestNumber bounds the work that a number makes. No longer one can be stored.
const longestNumber = 64

// pageNumber reads the number of a page as Ruby's Integer() does, which takes
// "0x10" and "1_000" too.
func pageNumber(text string) (int64, error) {
	if text == "" {
		return 1, nil
	}
	n, ok := new(big.Int), false
	if len(text) <= longestNumber {
		n, ok = n.SetString(strings.Trim(text, blanks), 0)
	}
	switch {
	case !ok:
		return 0, &Error{Msg: "invalid value for Integer(): " + strconv.Quote(text)}
	case n.Sign() <= 0 || !n.IsInt64():
		return 0, &Error{Msg: "invalid page: " + n.String()}
	}
	return n.Int64(), nil
}

var leadingInteger = regexp.MustCompile(`^\s*[+-]?[0-9]+`)

// pageSize reads the number that a text begins with, 0 where there is none.
func pageSize(text string) (int64, error) {
	digits := strings.TrimLeft(leadingInteger.FindString(text), blanks)
	if digits == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, &Error{Msg: "invalid per_page: " + digits}
	}
	return n, nil
}
