#!/bin/sh
# SPDX-License-Identifier: MIT
# CLIP-RN50's attention pool, batch 1, beside a plain read of as many bytes, in turns: tests/bench/attnpool.sh [ROUNDS].
# Its weights, 59 MB, are used once for a picture, so that reading them is what it cannot be faster than.
program=${PROGRAM:-./fusiform}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=c11 -O3 -march=native -fopenmp -I. tests/bench/threads.c build/libfusiform.a -lm -o "$work/threads" || exit 1
for threads in 1 2; do
    for round in $(seq "${1:-7}"); do
        "$program" bench --model 'random:clip_rn50?seed=1' --threads "$threads" --rounds 15 --csv 2>/dev/null |
            awk -F, '/^attnpool,/ {print "pool", $2}'
        "$work/threads" read 59 "$threads" | sed 's/.*: \([0-9.]*\) ms, least \([0-9.]*\)/read \1 \2/'
    done | awk -v t="$threads" '
        {n[$1]++; v[$1, n[$1]] = $2; if (!($1 in least) || $2 < least[$1]) least[$1] = $2}
        function median(name,    i, j, x) {
            for (i = 2; i <= n[name]; i++)
                for (j = i; j > 1 && v[name, j] < v[name, j - 1]; j--) {x = v[name, j]; v[name, j] = v[name, j - 1]; v[name, j - 1] = x}
            return v[name, int((n[name] + 1) / 2)]
        }
        END {
            p = median("pool"); r = median("read")
            printf "threads %d: attention pool %.2f ms (least %.2f), reading 59 MB %.2f ms (least %.2f), ratio %.2f\n", t, p, least["pool"], r, least["read"], p / r
        }'
done
