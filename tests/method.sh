#!/bin/sh
# SPDX-License-Identifier: MIT
# METHOD.md names functions and tests as `file: function`; this fails where the file is gone or does not define that function,
# where a file it mentions does not exist, and where a link inside the text leads nowhere. Other files cite its headings by
# title, METHOD.md, "Title", or by link, METHOD.md#anchor: these must exist. Nothing may cite a section by its number. Every paper that
# it cites must be among its sources.
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
anchors() { tr '[:upper:]' '[:lower:]' | tr -cd 'a-z0-9 \n-' | tr ' ' '-'; }
grep -E '^#+ ' "$text" | sed 's/^#* //' | anchors >"$list"
twice=$(sort "$list" | uniq -d)
if [ -z "$twice" ]; then passed=$((passed + 1)); else wrong "two headings have the anchor $twice"; fi
for anchor in $(grep -oE '\]\(#[^)]*\)' "$text" | sed 's/^](#//; s/)$//' | sort -u); do
    if grep -qxF -- "$anchor" "$list"; then passed=$((passed + 1)); else wrong "no heading for the link #$anchor"; fi
done

# Comments are joined to one line first, since a title may be broken in two.
cited=$(grep -rlI 'METHOD\.md' nn weights stimuli analysis tools tests Makefile README.md | grep -v '^tests/method\.sh$' | LC_ALL=C sort |
    while read -r path; do
        sed -E 's/^[[:space:]]*(\*|#)?[[:space:]]*//' "$path" | tr '\n' ' ' | sed -E 's/" +"//g; s/\\"/"/g' |
            grep -oE 'METHOD\.md(, "[^"]*"|#[a-z0-9-]*|,? \(?(sections? )?[0-9])' | sed "s|^|$path: |"
    done)
while read -r line; do
    anchor=
    case $line in
    *'METHOD.md, "'*) anchor=$(echo "$line" | sed 's/.*METHOD\.md, //' | anchors) ;;
    *METHOD.md#*) anchor=${line##*#} ;;
    esac
    if [ -n "$anchor" ] && grep -qxF -- "$anchor" "$list"; then passed=$((passed + 1)); else wrong "no such heading: $line"; fi
done <<END
$cited
END
# Papers: "Surname 1999", "Surname (1999)", "Surname et al. 1999" has a line with that surname and year among the sources.
sed -n '/^## Sources/,$p' "$text" >"$list"
papers=$(tr '\n' ' ' <"$text" | grep -oE "[A-Z][A-Za-z-]+('s)?( et al\.| and others)? \(?(19|20)[0-9][0-9]" | tr -d '(' | LC_ALL=C sort -u)
while read -r paper; do
    name=${paper%%[ \']*} year=${paper##* }
    if grep -qE -- "$name.* $year([^0-9]|\$)" "$list"; then passed=$((passed + 1)); else wrong "not among the sources: $paper"; fi
done <<END
$papers
END
numbers=$(grep -nE '[Ss]ections? [0-9]' "$text" | grep -vE '[0-9]{4}, section [0-9]')
if [ -z "$numbers" ]; then passed=$((passed + 1)); else wrong "a section is cited by its number: $numbers"; fi

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
