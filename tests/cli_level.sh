#!/bin/sh
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

# Weights are finite, the responses are not.
huge=tests/golden/names/bad_huge.safetensors
fails 1 'with infinity (channel' classify --model $huge tests/golden/img_420_33x18.jpg
finish
