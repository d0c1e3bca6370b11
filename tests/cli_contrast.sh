#!/bin/sh
# SPDX-License-Identifier: MIT
# Comparing models: as many units of each, groups of trainings, maps against chance; whole, resumed, in shards, drawn again.
# usage: tests/cli_contrast.sh     FUSIFORM=program, RUN=emulator
. "$(dirname "$0")/shell.sh"

net='random:cifar_resnet8?seed'
models="--model a=$net=3 --model b=$net=1 --model c=$net=2 --model d=$net=4"
set="--stimuli builtin?per_category=4&seed=2 --layers relu,layer3.0.relu --correction none"
groups='--group one=a,c --group two=b,d'
run "as many units, groups" run $models $set --bootstrap 3 --matched $groups --out "$work/whole"
table() { tail -n +2 "$work/whole/$1.csv" | cut -d, -f"$2" | sort -u | tr '\n' ' '; }
ok "every pair of models in compare.csv" test "$(table compare 1,2)" = "a,b a,c a,d b,c b,d c,d "
ok "and in matched.csv" test "$(table matched 1,2)" = "a,b a,c a,d b,c b,d c,d "
ok "25 units and twice as many" sh -c "cut -d, -f6 '$work/whole/matched.csv' | grep -qx 25 && cut -d, -f6 '$work/whole/matched.csv' | grep -qx 50"
ok "differences with intervals and p" grep -qE '^a,b,relu,relu,[a-z]*,[0-9]*(,-?[0-9][-0-9.e]*){20}$' "$work/whole/matched.csv"
ok "r of the profiles and its ceiling" grep -qE '^a,b,relu,relu,[a-z]*(,-?[0-9][-0-9.e]*){2}' "$work/whole/agreement.csv"
# the last count of two layers is the smaller number of selective units
awk -F, 'FNR == NR { if (FNR > 1) n[$1 "," $2 "," $3] = $5; next }
    FNR > 1 { key = $1 "," $3 "," $5; other = $2 "," $4 "," $5; least = n[key] + 0 < n[other] + 0 ? n[key] : n[other]
              if ($6 + 0 > least + 0) bad++; if ($6 == least) met[key "," $2] = 1; seen[key "," $2] = 1 }
    END { for (k in seen) if (!(k in met)) bad++; exit bad > 0 }' "$work/whole/layers.csv" "$work/whole/matched.csv"
ok "up to the smaller count" test $? -eq 0
ok "rows of groups.csv" test "$(wc -l <"$work/whole/groups.csv")" -eq 71
ok "2 of 6 relabellings at least" sh -c "tail -n +2 '$work/whole/groups.csv' | cut -d, -f15 | grep -E '^0[.]3333'"
ok "differences across layers, without p" grep -qE '^a,b,face,morisita,[0-9]+,[-0-9.e]*$' "$work/whole/signflip.csv"
ok "the options in run.json" grep -q '"group": "one=a,c;two=b,d"' "$work/whole/run.json"
ok "maps against chance in layers.csv" grep -q ',order,variation_null,placement_p,morisita,morisita_low,morisita_high' "$work/whole/layers.csv"
ok "the curves" test -s "$work/whole/figures/figm1.svg"

# ---- the same bytes ----
cp -R "$work/whole" "$work/again"
run "drawn again" report "$work/again"
ok "the same report" cmp "$work/whole/report.html" "$work/again/report.html"
options="$models $set --bootstrap 3 --matched $groups"
run "little memory" run $options --max-memory 1M --out "$work/little"
ok "the same bytes through the scratch file" same_runs "$work/whole" "$work/little"
run "shard 1" run $options --shard 1/2 --out "$work/shard-1"
run "shard 2" run $options --shard 2/2 --out "$work/shard-2"
run "merged" merge "$work/shard-1" "$work/shard-2" --out "$work/merged"
ok "the same bytes from shards" same_runs "$work/whole" "$work/merged"
$program run $options --checkpoint 0 --out "$work/resumed" >/dev/null 2>&1 &
pid=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -e "$work/resumed/parts/1/decided-relu" ] || ls "$work"/resumed/parts/*/decided-* >/dev/null 2>&1 && break
    sleep 0.1
done
kill "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
run "resumed" run $options --resume --out "$work/resumed"
ok "the same bytes after an interruption" same_runs "$work/whole" "$work/resumed"

# ---- without intervals ----
run "as many units, no intervals" run --model "a=$net=3" --model "b=$net=1" $set --matched --out "$work/plain"
ok "estimates alone" grep -qE '^a,b,relu,relu,[a-z]*,[0-9]*,[-0-9.e]+,,,[-0-9.e]+,,,[-0-9.e]+,,,,' "$work/plain/matched.csv"
ok "the same estimates" test "$(cut -d, -f1-7 "$work/plain/matched.csv" | sed -n 2p)" = "$(cut -d, -f1-7 "$work/whole/matched.csv" | sed -n 2p)"
run "one model" run --model "a=$net=3" $set --matched --out "$work/one"
run "compare" compare "$work/one" "$work/plain"
says ',morisita_a,morisita_b,morisita_difference$'

# ---- models of several runs as those of one ----
draw() { run "run of $1" run $2 $set --bootstrap 3 --matched --draws --out "$work/draws-$1"; }
draw a "--model a=$net=3"
draw bc "--model b=$net=1 --model c=$net=2"
draw d "--model d=$net=4"
ok "all else is the same" test "$(cat "$work/draws-a/run.json" | grep -c draws)" -eq 0
three="$work/draws-a $work/draws-bc $work/draws-d"
run "compared" compare $three -o "$work/pairs.csv" --matched "$work/matched.csv" $groups --groups "$work/groups.csv"
ok "matched.csv of one run" cmp "$work/matched.csv" "$work/whole/matched.csv"
ok "groups.csv of one run" cmp "$work/groups.csv" "$work/whole/groups.csv"
ok "every pair of models of two runs" test "$(tail -n +2 "$work/pairs.csv" | cut -d, -f1,2 | sort -u | tr '\n' ' ')" = "a,b a,c a,d b,d c,d "
run "shard 1" run --model "a=$net=3" $set --bootstrap 3 --matched --draws --shard 1/2 --out "$work/draws-1"
run "shard 2" run --model "a=$net=3" $set --bootstrap 3 --matched --draws --shard 2/2 --out "$work/draws-2"
run "merged" merge "$work/draws-1" "$work/draws-2" --out "$work/draws-merged"
ok "the same draws from shards" same_runs "$work/draws-a" "$work/draws-merged"
cp -R "$work/draws-bc" "$work/bare"
rm -r "$work/bare/draws"
fails 1 "$work/bare: does not hold the draws of a count-matched comparison: run it with --matched --draws" compare "$work/draws-a" "$work/bare" --matched "$work/none.csv"
ok "no table" test ! -e "$work/none.csv"
$program compare "$work/draws-a" "$work/bare" "$work/draws-d" -o "$work/pairs.csv" $groups --groups "$work/fewer.csv" 2>"$work/said"
ok "what the runs need is said" grep -q "bare has no draws: .*fewer.csv is made without resampled pictures; --draws in all runs would add them" "$work/said"
run "a run without resamples" run $models $set $groups --out "$work/unresampled"
ok "its groups.csv" cmp "$work/fewer.csv" "$work/unresampled/groups.csv"
run "other resamples" run --model "e=$net=5" $set --bootstrap 4 --matched --draws --out "$work/draws-e"
fails 1 "resampled differently: --bootstrap is 3 and 4" compare "$work/draws-a" "$work/draws-e" --matched "$work/none.csv"
fails 1 "its model 'a' has the name of another run's" compare "$work/draws-a" "$work/draws-a" --matched "$work/none.csv"
fails 1 "no model is called 'e'" compare "$work/draws-a" "$work/draws-bc" --group one=a --group two=e --groups "$work/none.csv"
fails 2 "go together" compare "$work/draws-a" "$work/draws-bc" --group one=a --group two=b
fails 2 "at least two expected" compare "$work/draws-a" "$work/draws-bc" --group one=a --groups "$work/none.csv"
$program run --model "a=$net=3" --model p=pixels:4 --stimuli 'builtin?per_category=4' --layers all --group one=a --group two=p --out "$work/apart" 2>"$work/said" >/dev/null
ok "groups without a common layer are said" grep -q 'warning: groups one and two: no layer corresponds in all their models, so groups.csv has no rows' "$work/said"
ok "they have no rows" test "$(wc -l <"$work/apart/groups.csv")" -eq 1
fails 2 "one of them expected" run $models $set --draws --out "$work/o"
for f in "$work"/bare/units/b/relu.npz; do mkdir -p "$work/bare/draws/b" && cp "$f" "$work/bare/draws/b/relu.npz"; done
fails 1 "bare/draws/b/relu.npz: no array 'bootstrap_estimate'" compare "$work/draws-a" "$work/bare" --matched "$work/none.csv"
head -c 400 "$work/draws-bc/draws/b/relu.npz" >"$work/bare/draws/b/relu.npz"
fails 1 "bare/draws/b/relu.npz" compare "$work/draws-a" "$work/bare" --matched "$work/none.csv"
run "replaced by a run without draws" run --model "a=$net=3" $set --force --out "$work/draws-a"
ok "which leaves none" test ! -e "$work/draws-a/draws"

# ---- equivalence ----
run "one network twice" run --model "a=$net=3" --model "b=$net=3" $set --bootstrap 9 --sesoi 0.2 --out "$work/twice"
ok "is equivalent to itself" sh -c "tail -n +2 '$work/twice/compare.csv' | grep -E ',1,1,equivalent$'"
ok "said in the report" grep -q 'The shares are equivalent for ' "$work/twice/report.html"
run "two networks" run --model "a=$net=3" --model "b=$net=1" $set --bootstrap 9 --sesoi 0.0001 --out "$work/narrow"
ok "never equivalent within 0.01 %" sh -c "! grep -qE ',equivalent$' '$work/narrow/compare.csv'"
ok "different or undecided" grep -qE ',(different|undecided)$' "$work/narrow/compare.csv"

# ---- refused ----
fails 2 "which need --bootstrap" run $models $set --sesoi 0.2 --out "$work/o"
fails 2 "--sesoi" run $models $set --bootstrap 2 --sesoi x --out "$work/o"
fails 2 "--halves alternate or option expected" run $models $set --matched --halves none --out "$work/o"
fails 1 "no model is called 'e'" run $models $set --group one=a,e --group two=b --out "$work/o"
fails 1 "model 'a' is already in a group" run $models $set --group one=a,c --group two=a --out "$work/o"
fails 2 "at least two expected" run $models $set --group one=a,c --out "$work/o"
fails 2 "NAME=MODEL,MODEL,... expected" run $models $set --group one --group two=b --out "$work/o"
fails 1 "has 2 and 1 pictures in its halves" run --model "a=$net=3" --stimuli 'builtin?per_category=3' --categories 'word=word;face=adult' --matched --out "$work/o"
sed 's/^a,b,relu,relu,\([a-z]*\),25,/a,b,relu,relu,\1,many,/' "$work/whole/matched.csv" >"$work/again/matched.csv"
fails 1 "matched.csv" report "$work/again"
cp "$work/whole/matched.csv" "$work/again/matched.csv"
sed 's/^one,two/one,three/' "$work/whole/groups.csv" >"$work/again/groups.csv"
fails 1 "no group of run.json is called 'three'" report "$work/again"
finish
