#!/bin/sh
# SPDX-License-Identifier: MIT
# Pages: maps of every layer from the run's files, the pages of a lesion and of a fit, drawn again.
# usage: tests/cli_report.sh     FUSIFORM=program, RUN=emulator
. "$(dirname "$0")/shell.sh"

net='random:cifar_resnet8?seed=3'
set="--stimuli builtin?per_category=6"

# ---- a run ----
run "a run" run --model "a=$net" $set --correction none --out "$work/run"
page=$work/run/report.html
n=$(ls "$work/run/units/a" | wc -l)
maps() { grep -c 'class="small"' "$page"; }
ok "a table of maps for each layer" test "$(maps)" -eq "$n"
ok "one script" test "$(grep -c '<script' "$page")" -eq 1
ok "few pictures" grep -q '<strong>6 pictures of a category are few</strong>' "$page"
ok "a text to copy" grep -q 'data-copy="Copy the text">We looked for category-selective units' "$page"
cp "$page" "$work/page.html"
rm "$work/run/units/a/relu.npz"
run "a layer's labels are gone" report "$work/run"
ok "one table less" test "$(maps)" -eq $((n - 1))
printf 'PK' >"$work/run/units/a/relu.npz"
fails 1 'units/a/relu.npz' report "$work/run"

# ---- a lesion ----
lesion="lesion --model $net --run $work/run $set --category face --layer relu --controls 3"
fails 2 '-o OUT.csv expected with it' $lesion --report "$work/lesion.html"
run "a lesion" $lesion --readout both -o "$work/lesion.csv" --report "$work/lesion.html"
ok "its finding" grep -q '<strong>The accuracy for face ' "$work/lesion.html"
ok "two panels" test "$(grep -c 'aria-label="accuracy, ' "$work/lesion.html")" -eq 2
run "another batch, one thread" $lesion --readout both -o "$work/again.csv" --report "$work/again.html" --batch 3 --threads 1
ok "the same page" cmp "$work/lesion.html" "$work/again.html"
run "doses" $lesion --top 2,4 -o "$work/dose.csv" --report "$work/dose.html"
ok "a curve" grep -q 'aria-label="dose curve, ' "$work/dose.html"
fails 1 'no/such' $lesion -o "$work/dose.csv" --report "$work/no/such/page.html"

# ---- a fit ----
run "a fit" sdc fit --study tests/golden/sdc_study.tsv --embedding tests/golden/sdc_embedding.npy --min-nc none --test-images 5 \
    --val-images 3 --batch 8 --repeats 2 --iterations 3 --reruns 1 --permutations 1 --out "$work/fit"
ok "its page" grep -q 'The decoders name <b>the right one of all test images' "$work/fit/report.html"
ok "its options" grep -q '<th scope="row">iterations</th><td>3</td>' "$work/fit/report.html"
cp "$work/fit/report.html" "$work/fit.html"
run "drawn again" report "$work/fit"
ok "is the same" cmp "$work/fit.html" "$work/fit/report.html"
echo '{"version": ' >"$work/fit/sdc.json"
fails 1 'fit/sdc.json: ' report "$work/fit"
finish
