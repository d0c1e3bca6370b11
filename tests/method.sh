#!/bin/sh
# METHOD.md names functions and tests as `file: function`; this fails where the file is gone or does not define that function,
# where a file it mentions does not exist, and where a link inside the text leads nowhere.
# usage: tests/method.sh [TEXT]     from the repository's root
text=${1:-METHOD.md}
passed=0 failed=0
list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT

wrong() {
    failed=$((failed + 1))
    echo "FAILED $text: $*"
}

# In C a definition or declaration starts in the first column; in Python there is a def; in sh a name and ().
defines() { # defines FILE FUNCTION
    case $1 in
    *.c | *.h) grep -qE "^[A-Za-z].*[ *(]$2\(" "$1" ;;
    *.py) grep -qE "^ *(def|class) $2[(:]" "$1" ;;
    *) grep -qE "^$2\(\)" "$1" ;;
    esac
}

file='[A-Za-z0-9_./-]+\.(c|h|py|sh)'
grep -oE "\`$file: [A-Za-z_][A-Za-z0-9_]*\`" "$text" | tr -d '`' | sort -u >"$list"
while IFS=' ' read -r path name; do
    path=${path%:}
    if [ ! -f "$path" ]; then
        wrong "$path: $name: there is no such file"
    elif ! defines "$path" "$name"; then
        wrong "$path: $name: the file defines no such function"
    else
        passed=$((passed + 1))
    fi
done <"$list"
n=$(wc -l <"$list")
if [ "$n" -ge 80 ]; then passed=$((passed + 1)); else wrong "only $n references were found"; fi

grep -oE "\`$file\`" "$text" | tr -d '`' | sort -u >"$list"
while read -r path; do
    if [ -f "$path" ]; then passed=$((passed + 1)); else wrong "$path: there is no such file"; fi
done <"$list"

# A reference that a line break cuts in two would not be checked.
if broken=$(grep -nE "\`$file:?\$|\`$file: *\$" "$text"); then wrong "cut by a line break: $broken"; else passed=$((passed + 1)); fi

# GitHub's anchors: lower case, punctuation dropped, spaces as hyphens.
grep -E '^#+ ' "$text" | sed 's/^#* //' | tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9 \n-' | tr ' ' '-' >"$list"
for anchor in $(grep -oE '\]\(#[^)]*\)' "$text" | sed 's/^](#//; s/)$//' | sort -u); do
    if grep -qxF -- "$anchor" "$list"; then passed=$((passed + 1)); else wrong "no heading for the link #$anchor"; fi
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
