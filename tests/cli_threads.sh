#!/bin/sh
# SPDX-License-Identifier: MIT
# Small networks, whose threads share out pictures: the same bytes for any number of threads, batch and memory limit.
. tests/shell.sh

map='place=house,corridor;word=word'
net='random:cifar_resnet8?seed=3'
run "pictures" stimuli generate --per-category 9 --size 32 --categories "$map" -o "$work/drawn"
for t in 1 2 5; do
    run "classify, $t threads" classify --model "$net" --threads $t "$work/drawn"
    cp "$work/stdout" "$work/classes$t"
    run "embed, $t threads" embed --model "$net" --threads $t "$work/drawn" -o "$work/embed$t.npy"
    run "activations, $t threads" activations --model "$net" --layer all --threads $t "$work/drawn" -o "$work/all$t.npz"
    run "run, $t threads" run --model "$net" --stimuli "$work/drawn" --categories "$map" --threads $t --out "$work/run$t"
    run "lesion, $t threads" lesion --model "$net" --run "$work/run$t" --stimuli "$work/drawn" --categories "$map" \
        --category word --layer layer2.0.relu --top 5 --controls 3 --threads $t -o "$work/lesion$t.csv"
done
for t in 2 5; do
    for file in classes@ embed@.npy embed@.npy.tsv all@.npz lesion@.csv; do
        ok "$file, $t threads" cmp "$work/${file%@*}1${file#*@}" "$work/${file%@*}$t${file#*@}"
    done
    ok "the run, $t threads" diff -r -x run.log "$work/run1" "$work/run$t"
done
ok "a line for each picture's class" [ "$(grep -c '	1	' "$work/classes1")" -ge 27 ]
run "little memory" run --model "$net" --stimuli "$work/drawn" --categories "$map" --threads 2 --max-memory 14M --out "$work/little"
ok "the same with little memory" diff -r -x run.log "$work/run1" "$work/little"
ok "a smaller batch then" [ "$(sed -n 's/.*	batch	\([0-9]*\)	.*/\1/p' "$work/little/run.log")" -lt "$(sed -n 's/.*	batch	\([0-9]*\)	.*/\1/p' "$work/run2/run.log")" ]
# Attention pooling of several pictures together, and of one
run "embeddings by attention" embed --model demo:clip --threads 2 "$work/drawn/word" "$work/drawn/house" -o "$work/attention.npy"
run "one thread" embed --model demo:clip --threads 1 "$work/drawn/word" "$work/drawn/house" -o "$work/attention1.npy"
ok "the same" cmp "$work/attention.npy" "$work/attention1.npy"
run "one picture" embed --model demo:clip "$(ls "$work"/drawn/house/*.png | tail -n 1)" -o "$work/one.npy"
tail -c 256 "$work/attention.npy" >"$work/last"
ok "the last row is the last picture's" sh -c "tail -c 256 '$work/one.npy' | cmp - '$work/last'"
run "more threads at once" bench --model "$net" --totals --batch 9 --rounds 1 --threads 2 --csv
finish
