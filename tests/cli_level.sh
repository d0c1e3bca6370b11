#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests of selectivity on the command line: which is the default, warnings, categories of unequal size in shards and
# scratch files, networks whose responses are not finite. usage: tests/cli_level.sh
. tests/shell.sh
small='small=random:cifar_resnet8?seed=3'
ok 'pictures' $program stimuli generate --per-category 12 --size 32 -o "$work/pictures"
set="--stimuli $work/pictures --categories face=adult,child;place=house;word=word"
every="--model $small --layers relu,layer3.0.relu --correction none --units full --sweep $set"

run 'the balanced test' run $every --out "$work/balanced"
cp "$work/stderr" "$work/notes"
ok 'is the default' grep -q '"test": "balanced"' "$work/balanced/run.json"
ok 'no warning' test -z "$(grep warning "$work/notes")"
for shard in 1 2 3; do
    run "shard $shard" run $every --shard $shard/3 --out "$work/shard-$shard"
done
run 'shards together' merge "$work/shard-3" "$work/shard-1" "$work/shard-2" --out "$work/merged"
ok 'are the whole' same_runs "$work/balanced" "$work/merged"
run 'in little memory' run $every --max-memory 1M --checkpoint 0 --out "$work/little"
ok 'is the same' same_runs "$work/balanced" "$work/little"

$program run $every --test welch --out "$work/welch" >"$work/stdout" 2>"$work/notes"
ok 'welch warns of unequal numbers' grep -q 'warning: categories have 6 to 12 pictures: with unequal numbers --test welch' "$work/notes"
ok 'finds other units' test -n "$(cmp "$work/balanced/layers.csv" "$work/welch/layers.csv")"
fails 1 'chose units differently: test is "balanced" and "welch"' compare "$work/balanced" "$work/welch"

# With equal numbers the balanced test is Welch's.
equal="--model $small --layers relu,layer3.0.relu --correction none --stimuli builtin?per_category=6"
run 'equal numbers' run $equal --out "$work/equal"
run 'equal numbers, welch' run $equal --test welch --out "$work/equal-welch"
cp "$work/stderr" "$work/notes"
ok 'no warning' test -z "$(grep warning "$work/notes")"
ok 'the same tables' cmp "$work/equal/layers.csv" "$work/equal-welch/layers.csv"

# As many pictures of each category.
drawn="--model $small --layers relu,layer3.0.relu --correction none --equal-n $set"
run 'equal numbers drawn' run $drawn --out "$work/drawn"
ok 'the option' grep -q '"equal-n": true' "$work/drawn/run.json"
ok 'a row for each layer and category' test "$(wc -l <"$work/drawn/equal_n.csv")" -eq 7
ok 'pictures, drawn, draws' test "$(cut -d, -f3-6 "$work/drawn/equal_n.csv" | sed -n '2,4p' | tr '\n' ' ')" = 'face,12,6,20 place,6,6,20 word,12,6,20 '
ok 'other results as without' cmp "$work/drawn/layers.csv" "$work/balanced/layers.csv"
ok 'fewer units from fewer pictures' test -z "$(sed 1d "$work/drawn/equal_n.csv" | awk -F, '$7 >= $12 || $13 > $7 || $7 == 0')"
ok 'the report says so' grep -q 'from 6 pictures of each, as many as the smallest category has: 20 draws' "$work/drawn/report.html"
for shard in 1 2; do
    run "shard $shard" run $drawn --shard $shard/2 --out "$work/drawn-$shard"
done
run 'shards together' merge "$work/drawn-2" "$work/drawn-1" --out "$work/drawn-merged"
ok 'are the whole' same_runs "$work/drawn" "$work/drawn-merged"
run 'in little memory' run $drawn --max-memory 1M --checkpoint 0 --out "$work/drawn-little"
ok 'is the same' same_runs "$work/drawn" "$work/drawn-little"
run 'redrawn' report "$work/drawn-little"
ok 'the same report' cmp "$work/drawn/report.html" "$work/drawn-little/report.html"
run 'nothing to draw' run $equal --equal-n --out "$work/equal-drawn"
ok 'the units of all pictures' test -z "$(sed 1d "$work/equal-drawn/equal_n.csv" | awk -F, '$7 != $12 || $7 != $13')"
fails 2 'goes with --criterion iut, not ratio' run --model $small --layers relu $set --equal-n --criterion ratio --out "$work/none"

# fLoc's options as halves: of words there is one.
$program run --model $small --layers relu --correction none --halves option $set --out "$work/halves" >"$work/stdout" 2>"$work/notes"
ok 'halves of the default categories' test -e "$work/halves/report.html"
ok 'a category of one option' grep -q "category word has pictures of one of fLoc's options: its halves are its pictures in turn" "$work/notes"

# Weights are finite, the responses are not.
huge=tests/golden/names/bad_huge.safetensors
fails 1 'with infinity (channel' classify --model $huge tests/golden/img_420_33x18.jpg
finish
