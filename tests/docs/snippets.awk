# SPDX-License-Identifier: LGPL-2.1-or-later
# Takes the programs out of a page. A program is a block of C with a marker above it:
#   <!-- test: NAME -->           compiled and run; the next block says what it prints: text, or
#                                 console with lines "$ ./NAME ARGUMENT..." and their output
#   <!-- test: NAME compile -->   compiled only
#   <!-- test: NAME c11 -->       and so on: compiled as C11 only, as frames have to be
#   <!-- test: NAME c++17 -->     or c++20: a block of C++ (cpp), compiled as that
#   <!-- test: NAME libuv -->     or gio: needs that library, and is compiled as C11 only
#   <!-- test: NAME python -->    a block of Python, which is run
#   <!-- test: NAME beside -->    prints what the program prints that follows it: the block, then, is
#                                 for both
# In a manual page: a literal display below the comment line  .\" test: NAME  (compiled only).
# Usage: awk -v folder=FOLDER -v page=NAME -f snippets.awk PAGE
# Writes FOLDER/NAME.c, .cpp or .py and FOLDER/NAME.said; prints lines
# "NAME<TAB>LINE<TAB>compile|text|console<TAB>NEEDS<TAB>STANDARD...", and "-<TAB>LINE<TAB>what is
# wrong" for what cannot be a program.
function wrong(line, what)
{
	print "-\t" line "\t" what
}

# Before the next program begins: is every one before it told what it prints?
function finish(   i)
{
	for (i = 1; i <= waiting; i++)
		wrong(begun[name[i]], name[i] ": no block that says what it prints")
	waiting = 0
}

# How it is built, and what is done with it then.
function list(program, how)
{
	print program "\t" begun[program] "\t" how "\t" needs[program] "\t" standards[program]
}

# Of what language is the block that is wanted?
function language()
{
	return needs[wanted] ~ /^(cpp|python)$/ ? needs[wanted] : "c"
}

function begin(words,   word, count, i)
{
	count = split(words, word, " ")
	if (!beside)
		finish()
	wanted = word[1]
	mode = "run"
	standards[wanted] = "c99 c11"
	needs[wanted] = "-"
	beside = 0
	for (i = 2; i <= count; i++)
		if (word[i] == "compile")
			mode = "compile"
		else if (word[i] == "c11")
			standards[wanted] = "c11"
		else if (word[i] ~ /^c\+\+(17|20)$/) {
			standards[wanted] = word[i]
			needs[wanted] = "cpp"
		} else if (word[i] == "beside")
			beside = 1
		else if (word[i] ~ /^(libuv|gio|python)$/)
			needs[wanted] = word[i]
		else
			wrong(FNR, wanted ": what is \"" word[i] "\"?")
	if (wanted in begun)
		wrong(FNR, wanted ": there is one of that name already")
	begun[wanted] = FNR
	if (needs[wanted] !~ /^(-|cpp)$/)
		standards[wanted] = needs[wanted] == "python" ? "-" : "c11"
	file = folder "/" wanted "." (language() == "python" ? "py" : language())
	printf "" >file
}

# Its block has begun.
function open_block()
{
	into[1] = file
	blocks = 1
	if (mode == "compile")
		list(wanted, "compile")
	else
		name[++waiting] = wanted
	wanted = ""
}

# What those print that wait for it.
function open_output(how,   i)
{
	for (i = 1; i <= waiting; i++) {
		into[i] = folder "/" name[i] ".said"
		printf "" >into[i]
		list(name[i], how)
	}
	blocks = waiting
	waiting = 0
	beside = 0
}

/^<!-- test: [a-z0-9-]+( [a-z0-9+]+)* -->$/ {
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
	blocks = 0
	if (inside ~ /^(c|cpp|python)$/) {
		if (wanted == "")
			wrong(FNR, "a block of " inside " without a marker above it")
		else if (inside != language())
			wrong(FNR, wanted ": is a block of " inside)
		else
			open_block()
	} else if (inside ~ /^(text|console)$/ && waiting && wanted == "") {
		open_output(inside)
	}
	if (inside == "")
		inside = "plain"
	next
}

/^```$/ && inside {
	inside = ""
	blocks = 0
	next
}

/^\.Bd -literal/ && wanted != "" {
	open_block()
	next
}

/^\.Ed$/ {
	blocks = 0
	next
}

blocks {
	if (page ~ /\.[1-9]$/)
		gsub(/\\e/, "\\")
	for (i = 1; i <= blocks; i++)
		print >into[i]
}

END {
	finish()
}
