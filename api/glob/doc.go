// Package glob is the one syntax of patterns: of ?match= in the API, of names on
// the command line, and of the rules that rename StatsD metrics. It is that of
// Python's fnmatch, as the DC/OS command line has it:
//
//   - any text, none too
//     ?       any one character
//     [a-z_]  one character of a set; [!a-z] one that is not in it
//
// A pattern matches the whole of a text, and case counts. There is no escape
// character, since unit names hold backslashes: [*], [?] and [[] stand for the
// characters themselves, and so does a [ that no ] closes. A character is a rune;
// a byte that is not UTF-8 is one character of its own.
//
// With a separator (CompileParts, for StatsD's dotted names) no wildcard matches
// the separator. Matching allocates nothing, and its time is bounded by the product
// of the two lengths.
package glob
