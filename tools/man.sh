#!/bin/sh
# SPDX-License-Identifier: MIT
# Manual pages from what the program says about itself: fusiform.1 and fusiform-COMMAND.1.
# usage: tools/man.sh FOLDER DATE PROGRAM...     PROGRAM: a path, behind an emulator where it needs one
folder=$1 date=$2
shift 2
set -e
mkdir -p "$folder"
version=$("$@" --version | cut -d' ' -f2)

# page NAME WHAT: a --help text on standard input becomes a manual page. Its first lines are the usage; two
# spaces begin an option or an indented line, deeper lines go on with it; a line of its own before options is
# a heading; "example:" begins the examples.
page() {
    awk -v name="$1" -v what="$2" -v date="$date" -v version="$version" '
    function escaped(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); gsub(/\047/, "\\(aq", s); if (s ~ /^\./) s = "\\&" s; return s }
    function upper_of(s) { return toupper(s) }
    { line[NR] = $0 }
    END {
        printf ".\\\" Made from --help by tools/man.sh.\n.TH %s 1 %s \"fusiform %s\" \"User Commands\"\n", upper_of(escaped(name)), date, version
        printf ".nh\n.ad l\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", escaped(name), escaped(what)
        section = "usage"
        for (i = 1; i <= NR; i++) {
            s = line[i]
            if (section == "usage" && (s ~ /^usage: / || s ~ /^       +fusiform /)) {
                sub(/^usage: /, "", s); sub(/^ +/, "", s)
                printf ".B %s\n.br\n", escaped(s)
                continue
            }
            if (s == "") { blank = 1; continue }
            if (section == "usage") { if (!blank) { sub(/^ +/, "", s); print escaped(s); continue } print ".SH DESCRIPTION"; section = "text"; blank = 0 }
            if (s ~ /^examples?:/) {
                print ".SH EXAMPLES\n.nf"; section = "examples"
                sub(/^examples?: */, "", s)
                if (s != "") print escaped(s)
                blank = 0
                continue
            }
            if (section == "examples") { if (blank) print ""; sub(/^         /, "", s); print escaped(s); blank = 0; continue }
            if (blank) { print ".PP"; blank = 0 }
            if (s ~ /^  [^ ]/) {
                sub(/^  /, "", s)
                at = match(s, /  +/)
                if (!at && s ~ /^-/) at = match(s, / [a-z]+ /) # a long option, parted by one space
                term = at ? substr(s, 1, at - 1) : s
                rest = at ? substr(s, at) : ""
                sub(/^ +/, "", rest)
                printf ".TP\n.B %s\n%s", escaped(term), rest == "" ? "" : escaped(rest) "\n"
                inside = 1
            } else if (s ~ /^ / && inside) { sub(/^ +/, "", s); print escaped(s) }
            else {
                if (inside || line[i + 1] ~ /^  [^ ]/) {
                    if (length(s) < 40) { printf ".SS %s\n", escaped(s); inside = 0; continue }
                    if (inside) print ".PP"
                }
                inside = 0
                sub(/^ +/, "", s)
                print escaped(s)
            }
        }
        if (section == "examples") print ".fi"
        print ".SH SEE ALSO"
        print name == "fusiform" ? "METHOD.md explains every number." : ".BR fusiform (1)"
    }'
}

"$@" --help | page fusiform "a functional localizer for deep networks" >"$folder/fusiform.1"
"$@" --list-commands | while IFS='	' read -r command what; do
    "$@" "$command" --help | page "fusiform-$command" "$what" >"$folder/fusiform-$command.1"
done
