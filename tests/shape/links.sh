# SPDX-License-Identifier: LGPL-2.1-or-later
# Every relative link of a page leads to a file that is there, and to a heading that is in it.
# Usage: links.sh ROOT
. "$(dirname "$0")/tap.sh"
cd "$1" || exit 1

# links FILE: lines "line<TAB>target" of inline links, reference definitions and images; code is
# passed over
links() {
	awk '
		/^[ \t]*```/ { code = !code; next }
		code { next }
		{
			line = $0
			gsub(/`[^`]*`/, "", line)
			if (match(line, /^\[[^\]]+\]:[ \t]*[^ \t]+/)) {
				target = substr(line, RSTART, RLENGTH)
				sub(/^\[[^\]]+\]:[ \t]*/, "", target)
				print FNR "\t" target
			}
			while (match(line, /\]\([^()]*\)/)) {
				target = substr(line, RSTART + 2, RLENGTH - 3)
				sub(/[ \t].*/, "", target)
				print FNR "\t" target
				line = substr(line, RSTART + RLENGTH)
			}
		}' "$1"
}

# anchors FILE: the names that its headings are linked by
anchors() {
	awk '
		/^[ \t]*```/ { code = !code; next }
		!code && /^#+[ \t]/ {
			sub(/^#+[ \t]+/, "")
			sub(/[ \t]+$/, "")
			name = tolower($0)
			gsub(/[^a-z0-9 _-]/, "", name)
			gsub(/ /, "-", name)
			print name
		}' "$1"
}

dead() {
	links "$1" | while IFS='	' read -r line target; do
		case $target in
		*://* | mailto:*) continue ;;
		esac
		path=${target%%#*}
		if [ -z "$path" ]; then
			path=$1
		else
			path=$(dirname "$1")/$path
		fi
		if [ ! -e "$path" ]; then
			echo "$1:$line: $target: no such file"
			continue
		fi
		case $target in
		*.md\#* | \#*)
			anchors "$path" | grep -qxF -- "${target#*#}" ||
				echo "$1:$line: $target: no such heading"
			;;
		esac
	done
}

check "there is a README.md" "$(test -f README.md || echo "no such file")"
for page in $(find README.md docs -name '*.md' | LC_ALL=C sort); do
	check "the links of $page" "$(dead "$page")"
done
finish
