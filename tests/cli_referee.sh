#!/bin/sh
# SPDX-License-Identifier: MIT
# The permutation test on the command line. usage: tests/cli_referee.sh
. tests/shell.sh
small='small=random:cifar_resnet8?seed=3'
ok 'pictures' $program stimuli generate --per-category 16 --size 32 -o "$work/pictures"
categories='face=adult,child;place=house;word=word'
set="--stimuli $work/pictures --categories $categories"
every="--model $small --layers relu,layer3.0.relu --correction none --test permutation $set"
exact="$every --permutations 99 --checkpoint 0"
n_selective() { awk -F, 'NR > 1 { n += $5 } END { print n }' "$1/layers.csv"; }

# ---- the same bytes: threads, little memory, shards, gone on with ----
run 'one thread' run $exact --threads 1 --out "$work/exact"
cp "$work/stderr" "$work/notes"
ok 'no warning of unequal numbers' test -z "$(grep warning "$work/notes")"
ok 'the test' grep -q '"test": "permutation"' "$work/exact/run.json"
ok 'its relabellings' grep -q '"permutations": 99' "$work/exact/run.json"
ok 'no table of chance' test ! -e "$work/exact/permutations.csv"
ok 'units are found' test "$(n_selective "$work/exact")" -gt 500
ok 'the report says how' grep -q 'b of m = 99 relabellings of their pictures' "$work/exact/report.html"
run 'three threads, little memory' run $exact --threads 3 --max-memory 1M --out "$work/little"
ok 'the same bytes' same_runs "$work/exact" "$work/little"
for shard in 1 2; do
    run "shard $shard" run $exact --shard $shard/2 --out "$work/shard-$shard"
done
run 'shards together' merge "$work/shard-2" "$work/shard-1" --out "$work/merged"
ok 'the same bytes' same_runs "$work/exact" "$work/merged"
$program run $exact --threads 1 --out "$work/killed" >"$work/out" 2>&1 &
pid=$!
while [ ! -e "$work/killed/parts/run.tsv" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
run 'gone on with' run $exact --resume --out "$work/killed"
ok 'the same bytes' same_runs "$work/exact" "$work/killed"
fails 1 'option --permutations' run $every --permutations 98 --resume --out "$work/shard-1"
run 'redrawn' report "$work/little"
ok 'the same report' cmp "$work/exact/report.html" "$work/little/report.html"

# ---- with other options ----
run 'all p' run $exact --units full --validate builtin?per_category=4 --out "$work/full"
ok 'the same units' cmp "$work/exact/layers.csv" "$work/full/layers.csv"
ok 'measured in other pictures' test "$(wc -l <"$work/full/validate.csv")" -eq 7
run 'units silenced' lesion --model random:cifar_resnet8?seed=3 $set --run "$work/exact" --layer layer3.0.relu --category face --controls 3
run 'no number of relabellings' run --model $small --layers layer3.0.relu --test permutation $set --out "$work/usual"
ok 'there are 9999' grep -q '"permutations": 9999' "$work/usual/run.json"
$program run $every --permutations 9 --out "$work/few" >"$work/stdout" 2>"$work/notes"
ok 'too few relabellings' grep -q 'no p is below 0.1, so none reaches --alpha 0.05' "$work/notes"
ok 'select nothing' test "$(n_selective "$work/few")" -eq 0
for other in '--bootstrap 9' '--subsample 4' --sweep; do
    fails 2 "does not go with ${other%% *}, which selects units from moments" run $exact $other --out "$work/none"
done
fails 2 '--test belongs to --criterion iut' run $exact --criterion ratio --out "$work/none"
many="--stimuli builtin?per_category=30 --permutations 1000000"
fails 1 'need 572 MB, at most 256 MB expected' run --model $small --layers relu --test permutation $many --out "$work/none"
finish
