#!/bin/sh
# SPDX-License-Identifier: MIT
# `fusiform bench --train`: its rows, its options, its messages.
. tests/shell.sh
small=tests/golden/names/canonical.safetensors

run "training steps" bench --train --model $small --batch 2 --rounds 1 --csv
for phase in forward inputs weights norms rest update other step; do
    says "^$phase,-?[0-9.]+,[0-9.]+,[0-9.]+$"
done
run "the last stage" bench --train --from layer4 --model $small --batch 2 --rounds 1
says '^peak|peak of multiply-adds [0-9.]+ GFLOP/s, [0-9.]+ MB, 0 blocks run twice'
fails 1 'are allowed' bench --train --model $small --batch 2 --rounds 1 --max-memory 1000
fails 2 "--from: 'head' found, a stage such as layer4 expected" bench --train --from head --model $small
fails 2 '--from and --max-memory are for --train' bench --from layer4
finish
