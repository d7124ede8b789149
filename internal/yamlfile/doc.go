// Package yamlfile reads the files that operators write: YAML decoded strictly
// into structs, and the small files with one secret that such YAML names.
//
// It owns strictness. A document fits its struct, or each key that is unknown,
// missing or given twice and each value of another type is a [Problem] with the
// line it stands on, all told at once. What values mean is the caller's; it
// notes problems of its own by path and they come out in one list, by line.
//
// What to know first:
//
//   - Where text is wanted, a plain scalar is taken as it is written: neither
//     0123 nor 1.10, no, 1e3 or 2027-01-31 is made into something else.
//   - Messages never repeat a value, since any value may be a secret; keys they
//     quote.
//   - Aliases are followed, so far as they cannot blow up a file; merge keys
//     and tags are refused, because they hide what a reader believes to see.
//   - JSON is YAML too.
package yamlfile
