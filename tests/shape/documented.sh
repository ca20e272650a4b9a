# SPDX-License-Identifier: LGPL-2.1-or-later
# Every public function has a comment that names each parameter, the Context and the Return, and is
# mentioned by a test and by a page. Usage: documented.sh ROOT
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

headers=$(find include -name '*.h' | LC_ALL=C sort)
awk -f "$here/declared.awk" $headers >"$folder/declared"

# The comment that ends on the line above a declaration, judged against it.
awk -F '\t' '
	NR == FNR {
		split($2, at, ":")
		name[at[1], at[2]] = $1
		kind[at[1], at[2]] = $3
		parameters[at[1], at[2]] = $4
		next
	}
	FNR == 1 { comment = ""; open = 0 }
	(FILENAME, FNR) in name {
		id = FILENAME SUBSEP FNR
		where = FILENAME ":" FNR ": " name[id] ": "
		if (comment == "")
			print where "no comment"
		else if (kind[id] == "function") {
			if (index(comment, "\n * " name[id] "() - ") == 0)
				print where "the comment does not begin with its name and a summary"
			if (comment !~ /Context:/)
				print where "no Context"
			if (comment !~ /Return:/)
				print where "no Return"
			n = split(parameters[id], parameter, " ")
			for (i = 1; i <= n; i++)
				if (comment !~ ("\n \\* @" parameter[i] ":"))
					print where "@" parameter[i] " is not explained"
			m = split(comment, line, "\n")
			for (i = 1; i <= m; i++)
				if (line[i] ~ /^ \* @[a-z0-9_]+:/) {
					word = line[i]
					sub(/^ \* @/, "", word)
					sub(/:.*/, "", word)
					if (index(" " parameters[id] " ", " " word " ") == 0)
						print where "@" word " is no parameter"
				}
		}
	}
	/^\/\*\*/ { comment = ""; open = 1 }
	open { comment = comment "\n" $0 }
	!open { comment = "" }
	/\*\// { open = 0 }
' "$folder/declared" $headers >"$folder/problems"
check "every public function has its comment: summary, parameters, Context, Return" \
	"$(cat "$folder/problems")"

mentioned() {
	cut -f1 "$folder/declared" | while IFS= read -r name; do
		grep -qw -- "$name" "$1" || echo "$name"
	done
}

find tests -path tests/shape -prune -o -path tests/mutants -prune -o -type f -print |
	xargs cat >"$folder/tests"
check "every public name is used by a test" "$(mentioned "$folder/tests")"
find README.md docs -name '*.md' -o -name '*.[1-9]' | xargs cat >"$folder/pages"
check "every public name is on a page" "$(mentioned "$folder/pages")"
finish
