#!/bin/sh
# SPDX-License-Identifier: MIT
# What more threads would do, from a machine with few: tests/bench/threads.sh [THREADS ..], default 1 2 4 8 16.
# Passes by the model of threads.c, beside real ones where there are as many cores; how evenly layers are divided; steps of training likewise; and the
# localizer as a whole (`fusiform run` on 192 drawn pictures), whose serial share follows from one and two threads.
# ROUNDS=10 and MODELS="resnet50,1 resnet50,8 .." (network, batch) choose passes, STEPS=3 and TRAIN="resnet50,16" steps of training; TRAIN= and
# RUN=0 leave training and the localizer out.
program=${PROGRAM:-./fusiform}
[ $# -gt 0 ] || set -- 1 2 4 8 16
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
${CC:-cc} -std=c11 -O3 -march=native -fopenmp -I. tests/bench/threads.c tests/bench/threads_train.c build/libfusiform.a -lm -o "$work/threads" || exit 1

for model in ${MODELS:-resnet50,1 resnet50,8}; do
    "$work/threads" model "${model%,*}" "${model#*,}" "${ROUNDS:-10}" "$@"
    for n in "$@"; do
        [ "$n" -lt 2 ] || "$work/threads" balance "${model%,*}" "${model#*,}" "$n" | head -n 4
    done
done

for model in ${TRAIN-resnet50,16}; do
    "$work/threads" train "${model%,*}" "${model#*,}" "${STEPS:-3}" "$@"
done

[ "${RUN:-1}" = 1 ] || exit 0
"$program" stimuli generate --per-category 48 --categories 'face=adult,child;body=body,limb;place=house,corridor;word=word,number' \
    -o "$work/pictures" >/dev/null || exit 1
for round in 1 2 3; do
    for n in 1 2; do
        start=$(date +%s%N)
        "$program" run --model 'random:resnet50?seed=1' --stimuli "$work/pictures" --threads "$n" --force --out "$work/run" >/dev/null || exit 1
        echo "$n $start $(date +%s%N)"
    done
done | awk -v threads="$*" '
    {s = ($3 - $2) / 1e9; if (!($1 in t) || s < t[$1]) t[$1] = s}
    END {
        serial = 2 * t[2] / t[1] - 1
        serial = serial > 0 ? serial : 0
        printf "run, 192 pictures: %.2f s on one thread, %.2f on two: serial share %.1f %%\n", t[1], t[2], 100 * serial
        n = split(threads, of, " ")
        for (i = 1; i <= n; i++)
            printf "  %2d threads: %.2f s at the best\n", of[i], t[1] * (serial + (1 - serial) / of[i])
    }'
