#!/bin/sh
# SPDX-License-Identifier: MIT
# run --validate: units chosen with one set of pictures, measured in another.
. tests/shell.sh

layers="--layers layer3.0.relu --checkpoint 3600"
value() { # value DIR MODEL CATEGORY COLUMN: of validate.csv
    awk -F, -v m="$2" -v c="$3" -v name="$4" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i }
        $1 == m && $3 == c { print $at == "" ? "none" : $at }' "$1/validate.csv"
}
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "none" && b != "none" && a + 0 > b + 0) }'; }

# ---- other drawings: the units of a trained network hold up, those that an untrained one has by chance do not ----
run "drawings" stimuli generate --per-category 12 --size 64 -o "$work/one"
run "others" stimuli generate --per-category 12 --size 64 --seed 7 -o "$work/two"
two="--model t=demo:vision --model u=random:cifar_resnet8?seed=1 $layers --stimuli $work/one/manifest.tsv --correction none"
both="$two --validate $work/two/manifest.tsv --bootstrap 40"
run "another seed" run $both --out "$work/seed"
ok "a row for every model and category" test "$(wc -l <"$work/seed/validate.csv")" -eq 11
ok "trained: they prefer the category" above "$(value "$work/seed" t body share_preferring)" 0.8
ok "untrained: they do not" above 0.5 "$(value "$work/seed" u body share_preferring)"
ok "nor is one chosen again" above 0.1 "$(value "$work/seed" u body dice)"
for c in face body place word scrambled; do
    ok "trained, $c: half are chosen again" above "$(value "$work/seed" t $c dice)" 0.4
    ok "untrained, $c: fewer" above 0.25 "$(value "$work/seed" u $c dice)"
    for k in share_preferring csi_mean dprime_mean auc_mean; do
        ok "$c: an interval of $k" above "$(value "$work/seed" t $c ${k}_high)" "$(value "$work/seed" t $c ${k}_low)"
    done
done
ok "the number of units is that of layers.csv" test "$(value "$work/seed" t face n_units)" -eq \
    "$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "n_selective") at = i } $1 == "t" && $3 == "face" { print $at }' "$work/seed/layers.csv")"
ok "run.json names the set" grep -q '"validate": "manifest, 60 pictures' "$work/seed/run.json"
ok "and its pictures" test "$(sed -n '/"validate_pictures"/,$p' "$work/seed/run.json" | grep -c sha256)" -eq 60
ok "the report has the table" grep -q 'The units of the last block layer in pictures that had no part in choosing them: manifest, 60 pictures' "$work/seed/report.html"
ok "and says how" grep -q "Intervals: 40 resamples of this set" "$work/seed/report.html"
run "nothing else changes" run $two --bootstrap 40 --out "$work/plain"
ok "the same layers.csv" cmp "$work/seed/layers.csv" "$work/plain/layers.csv"
ok "no table without the option" test ! -e "$work/plain/validate.csv"

# ---- the same bytes: in little memory, redrawn, stopped and gone on with ----
run "within the memory limit" run $both --max-memory 4M --batch 4 --out "$work/small"
ok "the bytes of one run" same_runs "$work/seed" "$work/small"
cp "$work/seed/report.html" "$work/before.html"
run "redrawn" report "$work/seed"
ok "the same report" cmp "$work/before.html" "$work/seed/report.html"
$program run $both --checkpoint 0 --out "$work/killed" >"$work/out" 2>"$work/killed.err" &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -qs 'second set' "$work/killed.err"; do sleep 0.05; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
run "gone on with" run $both --resume --out "$work/killed"
ok "the bytes of one run" same_runs "$work/seed" "$work/killed"
fails 1 "other options, models or pictures" run $two --bootstrap 40 --resume --out "$work/killed"

# ---- other exemplars: adults to children ----
made() { $program stimuli generate --per-category 12 --size 64 --seed "$1" --categories "$2" -o "$3"; }
ok "adults" made 1 'face=adult;body=body;place=house;word=word' "$work/adult"
ok "other adults" made 7 'face=adult;body=body;place=house;word=word' "$work/again"
ok "children" made 7 'face=child;body=limb;place=corridor;word=word' "$work/child"
one="--model demo:vision $layers --correction none"
run "adults to adults" run $one --stimuli "$work/adult/manifest.tsv" --validate "$work/again/manifest.tsv" --out "$work/a"
run "adults to children" run $one --stimuli "$work/adult/manifest.tsv" --validate "$work/child/manifest.tsv" --out "$work/c"
ok "fewer of the units are face units there" above "$(value "$work/a" vision face dice)" "$(value "$work/c" vision face dice)"
ok "with a lower CSI" above "$(value "$work/a" vision face csi_mean)" "$(value "$work/c" vision face csi_mean)"
ok "house units are not place units" above 0.2 "$(value "$work/c" vision place dice)"
ok "no interval without --bootstrap" test "$(value "$work/c" vision face csi_mean_low)" = none
run "by the rank-sum test" run --model demo:vision $layers --stimuli "$work/adult/manifest.tsv" --validate "$work/child/manifest.tsv" --criterion ranksum --out "$work/r"

# ---- in shards: each has its share of both sets; 33 pictures are two blocks of a category ----
small() { $program stimuli generate --per-category "$1" --size 32 --seed "$2" --categories "face=$3;body=$4" -o "$5"; }
ok "adults" small 6 1 adult body "$work/few"
ok "children" small 33 7 child limb "$work/many"
sharded="--model u=random:cifar_resnet8?seed=1 $layers --correction none --bootstrap 20 --stimuli $work/few/manifest.tsv --validate $work/many/manifest.tsv"
run "at once" run $sharded --out "$work/whole"
ok "units to measure" above "$(value "$work/whole" u body n_units)" 20
for i in 1 2 3; do run "shard $i" run $sharded --shard $i/3 --out "$work/part-$i"; done
run "merged" merge "$work/part-3" "$work/part-1" "$work/part-2" --max-memory 1M --out "$work/merged"
ok "the bytes of one run" same_runs "$work/whole" "$work/merged"
ok "nothing is left of the state" test ! -e "$work/merged/parts"
rm "$work"/part-2/parts/second/parts/0/moments-*
fails 1 "--validate: $work/part-2: shard 2 of 3 is not finished: layer3.0.relu of model u has not seen picture 33, child-33.png" merge "$work/part-1" "$work/part-2" "$work/part-3" --out "$work/none"
run "gone on with" run $sharded --shard 2/3 --resume --out "$work/part-2"
$program run $sharded --shard 3/3 --checkpoint 0 --force --out "$work/part-3" >"$work/out" 2>"$work/killed.err" &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -qs 'second set' "$work/killed.err"; do sleep 0.05; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
run "a killed shard is gone on with" run $sharded --shard 3/3 --resume --out "$work/part-3"
run "merged" merge "$work/part-1" "$work/part-2" "$work/part-3" --force --out "$work/merged"
ok "the bytes of one run" same_runs "$work/whole" "$work/merged"
edit() { # edit SCRIPT I...: of the second set's text in these shards
    script=$1
    shift
    for i in "$@"; do
        text=$work/part-$i/parts/second/parts/run.tsv
        sed "$script" "$text" >"$work/edited" && cp "$work/edited" "$text"
    done
}
edit 's/^picture.child-/picture	other-/' 1
fails 1 "--validate: $work/part-2: not of the same run as $work/part-1: picture other-1.png: name 'child-1.png' found" merge "$work/part-1" "$work/part-2" "$work/part-3" --force --out "$work/merged"
edit 's/^picture.other-/picture	child-/' 1
edit 's/^model.u/model	v/' 1 2 3
fails 1 "--validate: the second set was shown to other models" merge "$work/part-1" "$work/part-2" "$work/part-3" --force --out "$work/merged"
edit '/^layer/d' 1 2 3
fails 1 "parts/second/parts/run.tsv: model v has no layers" merge "$work/part-1" "$work/part-2" "$work/part-3" --force --out "$work/merged"
ok "as before" same_runs "$work/whole" "$work/merged"
run "a whole run in a shard's folder" run $sharded --force --out "$work/part-1"
ok "leaves nothing of the shard" test ! -e "$work/part-1/parts"

# ---- categories that one of the sets lacks; the same pictures ----
grep -v place "$work/again/manifest.tsv" >"$work/again/three.tsv"
$program run $one --stimuli "$work/adult/manifest.tsv" --validate "$work/again/three.tsv" --out "$work/three" >"$work/out" 2>"$work/err"
ok "said in one line" test "$(grep -c 'category place is not in .*three.tsv: its units are not measured there' "$work/err")" -eq 1
ok "no numbers for it" test "$(value "$work/three" vision place share_preferring)" = none
ok "numbers for others" above "$(value "$work/three" vision face share_preferring)" 0.5
$program run $one --stimuli "$work/again/three.tsv" --validate "$work/adult/manifest.tsv" --out "$work/rival" >"$work/out" 2>"$work/err"
ok "a category more is a rival" grep -q 'category place of .*manifest.tsv is not one of the run.s: it is a rival there' "$work/err"
$program run $one --stimuli "$work/adult/manifest.tsv" --validate "$work/adult/manifest.tsv" --out "$work/self" >"$work/out" 2>"$work/err"
ok "the same pictures are told" grep -q 'warning: --validate: 48 of the 48 pictures of .* are in the first set, too' "$work/err"
ok "the same choice" test "$(value "$work/self" vision face dice)" = 1
sed 's/	\([a-z]*\)	/	x\1	/' "$work/again/manifest.tsv" >"$work/again/others.tsv"
fails 1 "none of its categories is one of the run's" run $one --stimuli "$work/adult/manifest.tsv" --validate "$work/again/others.tsv" --out "$work/none"

# ---- what does not go ----
fails 1 "--validate: " run $one --stimuli "$work/adult/manifest.tsv" --validate "$work/nowhere" --out "$work/none"
fails 1 "lies in the pictures' folder" run $one --stimuli builtin?per_category=4 --validate "$work/child" --out "$work/child/out"
ok "nothing is left behind" test ! -e "$work/none"
sed 's/,face,[0-9]*,/,face,x,/' "$work/c/validate.csv" >"$work/a/validate.csv"
fails 1 "validate.csv: line 2: n_units" report "$work/a"
grep -v ',word,' "$work/c/validate.csv" >"$work/a/validate.csv"
fails 1 "validate.csv: rows are missing" report "$work/a"
finish
