#!/bin/sh
# SPDX-License-Identifier: MIT
# What the pictures of a run allow to be concluded: near-duplicates, what the bootstrap draws.
. tests/shell.sh

model='random:cifar_resnet8?seed=1'
small="--model $model --layers relu --checkpoint 3600"

# ---- near-duplicates: two pictures that differ in one pixel's colour, in a folder of their own ----
run "drawings" stimuli generate --per-category 8 --side 64 --categories adult,house -o "$work/made"
mkdir "$work/set" && cp -r "$work/made/adult" "$work/set/face" && cp -r "$work/made/house" "$work/set/place"
first=$(find "$work/set/face" -name '*.png' | LC_ALL=C sort | head -n 1)
run "as another file" image "$first" --resize 63x64 -o "$work/set/place/near.ppm"
$program run $small --stimuli "$work/set" --out "$work/near" >"$work/out" 2>"$work/err"
ok "a pair is told" grep -q 'near.ppm is nearly the same picture as .*(32 x 32 grey levels, r = 1.000' "$work/err"
ok "run.json counts it" grep -q '"near_duplicates": 1,' "$work/near/run.json"
ok "and lists it" grep -q '\["face/.*png", "place/near.ppm", 0.99' "$work/near/run.json"
ok "the report says it" grep -q '<b>1 pair of pictures is nearly the same</b>' "$work/near/report.html"
ok "and how many subcategories there are" grep -q 'Subcategories (folders): face 1, place 1. Every category is shown by one' "$work/near/report.html"

# ---- what the bootstrap draws; shards and a merge give the same bytes ----
four="$small --stimuli builtin?per_category=6 --bootstrap 20"
run "pictures" run $four --out "$work/pictures"
run "both" run $four --bootstrap-over both --out "$work/both"
ok "other intervals" sh -c '! cmp -s "$1/layers.csv" "$2/layers.csv"' sh "$work/pictures" "$work/both"
ok "the report says what was drawn" grep -q 'first the subcategory within its category, then the pictures' "$work/both/report.html"
for i in 1 2; do
    run "shard $i" run $four --bootstrap-over both --shard $i/2 --out "$work/part$i"
done
run "merge" merge "$work/part1" "$work/part2" --out "$work/merged"
ok "the bytes of one run" same_runs "$work/both" "$work/merged"
run "a shard of near-duplicates" run $small --stimuli "$work/set" --shard 1/2 --out "$work/n1"
run "the other" run $small --stimuli "$work/set" --shard 2/2 --out "$work/n2"
$program merge "$work/n1" "$work/n2" --out "$work/n" >"$work/out" 2>"$work/err"
ok "the merge tells the pair" grep -q 'near.ppm is nearly the same picture' "$work/err"
ok "the bytes of one run" same_runs "$work/near" "$work/n"
fails 1 "category word has one; two or more expected" run $four --bootstrap-over subcategories --out "$work/none"
run "two subcategories each" run $four --categories 'face=adult,child;body=body,limb' --bootstrap-over subcategories --out "$work/two"
fails 2 "--interval bca leaves single pictures out" run $four --bootstrap-over both --interval bca --out "$work/none"
fails 2 "which is not there" run $small --bootstrap-over both --out "$work/none"

# ---- fewer pictures, other levels ----
power="--model a=$model --model b=random:cifar_resnet8?seed=2 --layers relu,layer3.0.relu --stimuli builtin?per_category=6 --correction none --subsample 3,4"
run "power" run $power --out "$work/power"
ok "a row for every point" test "$(wc -l <"$work/power/power.csv")" -eq 161
ok "of sizes and of levels" sh -c 'test "$(grep -c ",pictures,[346]," "$1")" -eq 60 && test "$(grep -c ",alpha,6,0.001," "$1")" -eq 20' sh "$work/power/power.csv"
ok "the figure" test -e "$work/power/figures/figp1.svg"
ok "dimensions beside the number of units" grep -q 'Units respond alike: in a, layer3.0.relu, 4,096 vary in effectively' "$work/power/report.html"
for i in 1 2; do
    run "shard $i" run $power --shard $i/2 --out "$work/power$i"
done
run "merge" merge "$work/power1" "$work/power2" --out "$work/power3"
ok "the bytes of one run" same_runs "$work/power" "$work/power3"
run "redrawn" report "$work/power3"
ok "the same report" cmp "$work/power/report.html" "$work/power3/report.html"
sed 's/^a,relu,body,/a,relu,face,/' "$work/power/power.csv" >"$work/power3/power.csv"
fails 1 "power.csv: line 10: category face is out of order" report "$work/power3"
run "within the memory limit" run $power --max-memory 20M --force --out "$work/power2"
ok "the same table" cmp "$work/power/power.csv" "$work/power2/power.csv"
fails 2 "as in 8,12,16" run $power,4 --out "$work/none"
fails 1 "--subsample: 9 found; category face has 6 pictures" run $power,9 --out "$work/none"

# ---- consistency: interval, p and ceiling of pairs of layers, between pictures ----
alike="--model a=$model --model b=random:cifar_resnet8?seed=2 --layers relu,layer3.0.relu --stimuli builtin?per_category=6 --consistency --bootstrap 20 --permutations 9"
run "consistency" run $alike --out "$work/alike"
ok "numbers in every row between pictures" test "$(grep -cE '^picture,[^,]*,[^,]*,[^,]*,[^,]*,-?[0-9.e-]+,-?[0-9.e-]+,-?[0-9.e-]+,[0-9.e-]+,[0-9.e-]+$' "$work/alike/consistency.csv")" -eq 16
ok "none between categories" test "$(grep -cE '^category,.*,,,,$' "$work/alike/consistency.csv")" -eq 16
for i in 1 2; do
    run "shard $i" run $alike --shard $i/2 --out "$work/alike$i"
done
run "merge" merge "$work/alike1" "$work/alike2" --out "$work/alike3"
ok "the bytes of one run" same_runs "$work/alike" "$work/alike3"

# ---- baselines: models without a network, in whatever takes a model ----
three="--model pixels:32 --model gabor:64 --model $model --stimuli builtin?per_category=6 --criterion dprime"
run "baselines beside a network" run $three --out "$work/base"
ok "pixels" grep -q '^pixels:32,pixels,face,3072,' "$work/base/layers.csv"
ok "filters at four scales" test "$(grep -c '^gabor:64,cycles[0-9]*,face,' "$work/base/layers.csv")" -eq 4
ok "run.json says what they are" grep -q '"architecture": "Gabor filters, no network, input 64 x 64' "$work/base/run.json"
for i in 1 2; do
    run "shard $i" run $three --shard $i/2 --out "$work/base$i"
done
run "merge" merge "$work/base1" "$work/base2" --out "$work/base3"
ok "the bytes of one run" same_runs "$work/base" "$work/base3"
run "resumed" run $three --resume --out "$work/base"
run "activations" activations --model gabor:64 --layer cycles4,cycles16.simple 'builtin?per_category=2' -o "$work/a.npz"
run "inspect" inspect pixels:32
says '^pixels.weight	f32	3x3x1x1$'
fails 1 "gabor: Gabor filters, no network, input 128 x 128, 8 orientations at 4 scales has no final features" embed --model gabor "$first" -o "$work/e.npy"
fails 1 "has no classes" classify --model pixels:32 "$first"
fails 1 "nothing to write" convert pixels:32 -o "$work/p.safetensors"
fails 1 "gabor: training knows residual networks only" train --model gabor --stimuli builtin --out "$work/t"
fails 1 "no layer is called 'relu'; there are: pixels" run --model pixels:32 --layers relu --stimuli "$work/set" --out "$work/none"

# ---- objects among the rivals ----
run "of drawings only if asked" run $small --stimuli 'builtin?per_category=6&categories=floc' --out "$work/objects"
ok "six categories" grep -q '"categories": \["face", "body", "place", "word", "object", "scrambled"\]' "$work/objects/run.json"
fails 1 "--categories floc is for fLoc's folders" run $small --stimuli "$work/set" --categories floc --out "$work/none"
if [ -d "$shared/floc" ]; then
    run "fLoc" run --model "r20=$shared/weights/cifar_resnet20-12fca82f.th" --stimuli "$shared/floc" --test welch --out "$work/floc"
    ok "as many face units as a referee's program finds" sh -c 'test "$(awk -F, "\$3 == \"face\" { n += \$5 } END { print n }" "$1")" -eq 392' sh "$work/floc/layers.csv"
else
    skipped=$((skipped + 2))
    echo "skipped: $shared is not there"
fi
finish
