// Package scopedsearch reads the search language that Foreman's API speaks, the
// orders beside it and the numbers of its pages. It owns what a query means and
// what is said about one that means nothing; it leaves to core what a filter is,
// to the store how one is answered, and to a face which fields a list has.
//
// The language is that of the scoped_search library (read in 4.3.0), and is
// followed into its corners, because people keep queries for years:
//
//   - There is no precedence: "and" and "or" group to the right, and two terms
//     side by side are joined by an "and" that binds looser than both.
//   - Words and symbols at the end that no word follows are dropped.
//   - Parentheses need not match: one that closes nothing ends the query.
//   - What restricts nothing (an unreadable date, an operator that no field
//     knows) is left out, wherever it stands.
//   - The whole query is read before its fields are looked up, so a complaint
//     about its form comes before one about its contents.
//
// Where scoped_search would make broken SQL and fail, this package leaves out the
// part ("not > k") or refuses it (a list of dates). It bounds a query by [MaxLength],
// [MaxDepth] and [MaxTerms], which scoped_search does not.
//
// A query becomes a [core.Filter], which holds values and never any text of SQL.
package scopedsearch
