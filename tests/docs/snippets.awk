# SPDX-License-Identifier: LGPL-2.1-or-later
# Takes the programs out of a page. A program is a block of C with a marker above it:
#   <!-- test: NAME -->           compiled and run; the next block says what it prints: text, or
#                                 console with lines "$ ./NAME ARGUMENT..." and their output
#   <!-- test: NAME compile -->   compiled only
#   <!-- test: NAME c11 -->       and so on: compiled as C11 only, as frames have to be
# In a manual page: a literal display below the comment line  .\" test: NAME  (compiled only).
# Usage: awk -v folder=FOLDER -v page=NAME -f snippets.awk PAGE
# Writes FOLDER/NAME.c and FOLDER/NAME.said; prints lines
# "NAME<TAB>LINE<TAB>compile|text|console<TAB>STANDARD...", and "-<TAB>LINE<TAB>what is wrong" for
# what cannot be a program.
function wrong(line, what)
{
	print "-\t" line "\t" what
}

# What was found is a program whose output nobody tells?
function finish()
{
	if (name != "" && mode == "run")
		wrong(begun, name ": no block that says what it prints")
	name = ""
}

# As which standards it is compiled, and what is done with it then.
function list(how)
{
	print name "\t" begun "\t" how "\t" standards
	name = ""
}

function begin(words,   word)
{
	finish()
	split(words, word, " ")
	name = word[1]
	mode = words ~ / compile( |$)/ ? "compile" : "run"
	standards = words ~ / c11( |$)/ ? "c11" : "c99 c11"
	begun = FNR
	if (name in seen)
		wrong(FNR, name ": there is one of that name already")
	seen[name] = 1
	wanted = 1
	file = folder "/" name ".c"
	printf "" >file
}

/^<!-- test: [a-z0-9-]+( compile)?( c11)? -->$/ {
	begin(substr($0, 12, length($0) - 15))
	next
}

/^\.\\" test: / {
	begin(substr($0, 11) " compile")
	next
}

/^```/ && !inside {
	inside = $0
	sub(/^```/, "", inside)
	into = ""
	if (inside == "c") {
		if (!wanted) {
			wrong(FNR, "a block of C without a marker above it")
		} else {
			into = file
			if (mode == "compile")
				list("compile")
		}
		wanted = 0
	} else if (inside ~ /^(text|console)$/ && name != "" && !wanted) {
		into = folder "/" name ".said"
		printf "" >into
		list(inside)
	}
	if (inside == "")
		inside = "plain"
	next
}

/^```$/ && inside {
	inside = ""
	into = ""
	next
}

/^\.Bd -literal/ && wanted {
	into = file
	wanted = 0
	list("compile")
	next
}

/^\.Ed$/ {
	into = ""
	next
}

into != "" {
	if (page ~ /\.[1-9]$/)
		gsub(/\\e/, "\\")
	print >into
}

END {
	finish()
}
