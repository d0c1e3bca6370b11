#!/bin/sh
# SPDX-License-Identifier: MIT
# The floors of the tree: an include goes to its own floor or to a lower one, never up. On one floor no two folders include each
# other, and no headers include each other in a circle.
# usage: tests/includes.sh     from the repository's root
find nn weights stimuli analysis tools tests -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function floor_of(path) {
    if (path ~ /^nn\/base\//) return 1
    if (path ~ /^nn\/kernel\//) return 2
    if (path ~ /^nn\//) return 3
    if (path ~ /^(weights|stimuli)\//) return 4
    if (path ~ /^analysis\/(localizer|sdc)\//) return 6
    if (path ~ /^analysis\//) return 5
    if (path ~ /^tools\//) return 7
    return 8 # tests
}
# The folders in which two paths part: "nn/layer nn/train". Empty where one folder holds the other.
function parting(a, b,    x, y, i, n, m, common) {
    n = split(a, x, "/") - 1 # without the name of the file
    m = split(b, y, "/") - 1
    for (i = 1; i <= n && i <= m && x[i] == y[i]; i++) common = common x[i] "/"
    return i <= n && i <= m ? common x[i] " " common y[i] : ""
}
function wrong(text) { failed++; print "FAILED " text }
function settle(    file, i, changed) { # a header is settled when all that it includes are; a circle never is
    do {
        changed = 0
        split("", waits)
        for (i = 1; i <= n; i++)
            if (to[i] ~ /\.h$/ && !(to[i] in settled)) waits[from[i]] = 1
        for (file in is_file)
            if (!(file in waits) && !(file in settled)) changed = settled[file] = 1
    } while (changed)
}
FNR == 1 { is_file[FILENAME] = 1 }
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    from[++n] = FILENAME
    to[n] = part[2]
    line[n] = FNR
}
END {
    for (i = 1; i <= n; i++) {
        if (from[i] ~ /^tests\// && !(to[i] in is_file) && to[i] !~ /\//) to[i] = "tests/" to[i]
        pair = parting(from[i], to[i])
        if (pair != "" && floor_of(to[i]) <= floor_of(from[i])) seen[pair] = from[i] ":" line[i]
    }
    for (i = 1; i <= n; i++) {
        place = from[i] ":" line[i] ": " to[i]
        split(parting(from[i], to[i]), room, " ")
        if (!(to[i] in is_file) && to[i] !~ /\.inc$/) wrong(place " does not exist: includes are written from the root")
        else if (floor_of(to[i]) > floor_of(from[i])) wrong(place " stands on a higher floor")
        else if ((room[2] " " room[1]) in seen)
            wrong(place ": " room[1] " and " room[2] " include each other: " seen[room[2] " " room[1]])
        else passed++
    }
    settle()
    for (file in is_file)
        if (file in settled) passed++
        else if (file ~ /\.h$/) wrong(file ": its includes run in a circle")
    printf "%d passed, %d failed, 0 skipped\n", passed, failed
    exit failed > 0
}'
