#!/bin/sh
# SPDX-License-Identifier: MIT
# --precision bf16: named in run.json and in the report, part of what must agree, and not for training.
. tests/shell.sh
model=random:cifar_resnet8?seed=3
set="--stimuli builtin?per_category=4&seed=2 --categories face=adult,child;place=house --layers relu --correction none"

run "a run in bf16" run --model r=$model $set --precision bf16 --out "$work/low"
ok "run.json names it" grep -q '"precision": "bf16"' "$work/low/run.json"
ok "so does the report" grep -q 'Precision bf16: convolutions and linear layers' "$work/low/report.html"
run "a shard in bf16" run --model r=$model $set --precision bf16 --shard 1/2 --out "$work/one"
run "a shard in fp32" run --model r=$model $set --shard 2/2 --out "$work/two"
fails 1 "option --precision" merge "$work/one" "$work/two" --out "$work/both"
picture=tests/golden/img_420_33x18.jpg
for precision in fp32 bf16; do
    run "activations in $precision" activations --model $model --layer relu $picture --precision $precision -o "$work/$precision.npy"
done
ok "they differ" sh -c "! cmp -s '$work/fp32.npy' '$work/bf16.npy'"
for command in "embed $picture -o $work/e.npy" "classify $picture"; do
    run "$command" $command --model $model --precision bf16
done
run "times of layers in bf16" bench --model $model --rounds 1 --precision bf16 --csv
says '^layer1.0.conv1,[0-9.]*,.*,bf16,'
lesion="lesion --model $model --run $work/low --layer relu --category face --stimuli builtin?per_category=4&seed=2 --categories face=adult,child;place=house --controls 2"
run "a lesion takes the run's precision" $lesion -o "$work/a.csv"
run "a lesion in bf16" $lesion --precision bf16 -o "$work/b.csv"
ok "the same bytes" cmp "$work/a.csv" "$work/b.csv"
fails 2 "is not for --train" bench --train --precision bf16 --model $model
fails 2 "--precision" run --model $model --precision fp16 --out "$work/none"
finish
