// Package glob implements the patterns of ?match= in the API, of names on the command
// line, and of the rules that rename StatsD metrics. The syntax is that of Python's
// fnmatch, which the DC/OS command line uses:
//
//	?       any one character
//	*       any text, also the empty one
//	[a-z_]  one character of a set
//	[!a-z]  one character that is not in a set
//
// A pattern matches a whole text, and is case-sensitive. There is no escape character,
// since names of systemd units contain backslashes: [*], [?] and [[] match the characters
// themselves, and so does a [ without a closing ]. A character is a rune; each byte that
// is not UTF-8 is one character.
//
// With a separator (CompileParts, for StatsD's dotted names), no wildcard matches the
// separator. Matching allocates nothing, and its time is bounded by the product of the
// two lengths.
package glob
