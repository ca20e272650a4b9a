# SPDX-License-Identifier: LGPL-2.1-or-later
# What a public header exports: one line "name<TAB>file:line<TAB>function|object<TAB>parameters"
# for each FERRY_API declaration. Comments and directives are passed over.
# Usage: awk -f declared.awk HEADER...
function emit(  head, name, depth, i, c, word, list, inside) {
	sub(/.*FERRY_API/, "", text)
	head = text
	inside = ""
	if (i = index(text, "(")) {
		head = substr(text, 1, i - 1)
		inside = substr(text, i + 1)
		sub(/\)[^)]*$/, "", inside)
	}
	sub(/[ \t;]+$/, "", head)
	name = head
	sub(/.*[^A-Za-z0-9_]/, "", name)
	list = ""
	word = ""
	depth = 0
	for (i = 1; i <= length(inside) + 1; i++) {
		c = i <= length(inside) ? substr(inside, i, 1) : ","
		if (c == "(")
			depth++
		if (c == ")")
			depth--
		if (c != "," || depth) {
			word = word c
			continue
		}
		if (word ~ /\(\*/) {
			sub(/.*\(\*[ \t]*/, "", word)
			sub(/\).*/, "", word)
		} else {
			sub(/[ \t]+$/, "", word)
			sub(/\[[^\]]*\]$/, "", word)
			sub(/.*[^A-Za-z0-9_]/, "", word)
		}
		if (word != "void" && word != "")
			list = list (list == "" ? "" : " ") word
		word = ""
	}
	printf "%s\t%s:%d\t%s\t%s\n", name, FILENAME, began, inside == "" ? "object" : "function", list
}

FNR == 1 { comment = 0; text = "" }
{
	line = $0
	if (comment) {
		if (!(i = index(line, "*/")))
			next
		line = substr(line, i + 2)
		comment = 0
	}
	while (i = index(line, "/*")) {
		rest = substr(line, i + 2)
		if (j = index(rest, "*/")) {
			line = substr(line, 1, i - 1) " " substr(rest, j + 2)
		} else {
			line = substr(line, 1, i - 1)
			comment = 1
		}
	}
	if (line ~ /^[ \t]*#/)
		next
	if (line ~ /FERRY_API/) {
		began = FNR
		text = ""
	}
	text = text " " line
	if (line ~ /;[ \t]*$/) {
		if (text ~ /FERRY_API/)
			emit()
		text = ""
	}
}
