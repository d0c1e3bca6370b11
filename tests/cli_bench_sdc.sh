#!/bin/sh
# SPDX-License-Identifier: MIT
# `fusiform bench --sdc`: its rows, its options, its messages.
. tests/shell.sh

run "all parts" bench --sdc --voxels 100 --rounds 2 --csv
for row in step_batch step_decode step_loss step_update step step_averaged pairs_nearest pairs_clusters pairs ridge_products \
    ridge_penalty; do
    says "^$row,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+$"
done
ok "eleven rows" test "$(wc -l <"$work/stdout")" -eq 11
run "one part" bench --sdc --only pairs --voxels 100 --rounds 1 --threads 2
says ', [12] threads?, peak of multiply-adds [0-9.]+ GFLOP/s'
says '^pairs_nearest +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$'
ok "no steps" test "$(grep -c '^step\|^ridge' "$work/stdout")" -eq 0
fails 2 '--only and --voxels are for --sdc' bench --voxels 100
fails 2 "--only: 'steps' found, step, pairs or ridge expected" bench --sdc --only steps
fails 2 '--sdc goes with --only, --voxels, --rounds, --threads and --csv alone' bench --sdc --train
fails 2 '--sdc goes with' bench --sdc --model demo:vision
fails 2 '--voxels: 300000 found, at most 200000 expected' bench --sdc --voxels 300000
finish
