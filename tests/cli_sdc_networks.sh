#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform sdc fit with networks: an embedding of their own, near copies.
# usage: tests/cli_sdc_networks.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"

run "pictures" stimuli generate --categories adult,car,house --per-category 6 --side 32 -o "$work/pictures"
{ printf 'image\tpath\n' && ls "$work/pictures"/*/*.png | awk '{ print NR - 1 "\t" $0 }'; } >"$work/images.tsv"
embed() { # embed FILE MODEL [OPTIONS]
    file=$1 model=$2
    shift 2
    run "an embedding by $model" embed --model "$model" "$work/pictures"/*/*.png -o "$work/$file" "$@"
}
study() { # study NAME=MODEL@LAYER...
    printf 'participant\tresponses\ttrials\n' >"$work/study.tsv"
    for line in "$@"; do printf '%s\tmodel:%s\timages.tsv\n' "${line%%=*}" "${line#*=}" >>"$work/study.tsv"; done
}
fit="sdc fit --study $work/study.tsv --images $work/images.tsv --test-images 4 --val-images 4 --batch 8 --iterations 5 --reruns 1 --ridge none --force"
eight='random:cifar_resnet8?seed=1'

# ---- whose embedding it is ----
embed own.npy "$eight"
embed other.npy 'random:cifar_resnet8?seed=2'
embed rough.npy "$eight" --precision bf16
study "a=random:cifar_resnet8?seed=3@layer3.0.relu" "b=$eight@layer2.0.relu" "c=$eight@layer3.0.relu"
fails 1 'b: '"$work"'/own.npy is this network'"'"'s own embedding: its layer ' $fit --embedding "$work/own.npy" --out "$work/x"
ok "nothing was begun" test ! -e "$work/x"
fails 1 'or --own-embedding' $fit --embedding "$work/rough.npy" --out "$work/x"
run "it may be so" $fit --embedding "$work/own.npy" --out "$work/own" --own-embedding
ok "which is recorded" grep -q '"own_embedding": \["b", "c"\]' "$work/own/sdc.json"
run "another network's" $fit --embedding "$work/other.npy" --out "$work/other"
cp "$work/stderr" "$work/said"
ok "is no participant's own" grep -q '"own_embedding": \[\],' "$work/other/sdc.json"

# ---- copies ----
ok "layers of one network" grep -q '^fusiform: b, c have the same first convolution' "$work/said"
ok "are recorded" grep -q '{"same": true, "r": 1.000000, "networks": \["b", "c"\]}' "$work/other/sdc.json"
run "clusters beside the fit" sdc cluster "$work/other" --out "$work/beside" --eps 0.9 --min-others 1 --null none --stability 0
ok "keep its record" cmp "$work/other/sdc.json" "$work/beside/clusters/fit.json"
ok "and name the copies" grep -q '<b>b, c</b> have the same first convolution' "$work/beside/report.html"
run "the page again" report "$work/beside"
ok "still does" grep -q '<b>b, c</b> have the same first convolution' "$work/beside/report.html"
run "clusters in the fit's folder" sdc cluster "$work/other" --eps 0.9 --min-others 1 --null none --stability 0
ok "need no copy of it" test ! -e "$work/other/clusters/fit.json"
ok "with the digests of three stems" test "$(grep -c '"tensor": "conv1.weight", "sha256": "[0-9a-f]*"}' "$work/other/sdc.json")" -eq 3
study vision=demo:vision@layer3.1.relu clip=demo:clip@layer3.1.relu untrained="$eight@layer3.0.relu" \
    control=demo:control@layer3.1.relu lang=demo:lang@layer3.1.relu
run "networks of one family" $fit --embedding "$work/other.npy" --out "$work/family"
cp "$work/stderr" "$work/said"
ok "are named" grep -q '^fusiform: vision, control, lang have nearly the same first convolution (filters correlate 0\.99' "$work/said"
ok "and recorded" grep -q '{"same": false, "r": 0\.99[0-9]*, "networks": \["vision", "control", "lang"\]}' "$work/family/sdc.json"
run "their clusters" sdc cluster "$work/family" --eps 0.9 --min-others 1 --null none --stability 0 --compare none
ok "the page says so" grep -q '<b>vision, control, lang</b> have nearly the same first convolution (their filters correlate 0.99' \
    "$work/family/report.html"
ok "the digest is inspect's" grep -q "$($program inspect demo:control --sha256 | awk -F'\t' '$1 == "conv1.weight" { print $NF }')" "$work/family/sdc.json"
study a='random:cifar_resnet8?seed=4@layer3.0.relu' b='random:cifar_resnet8?seed=5@layer3.0.relu'
run "networks of different seeds" $fit --embedding "$work/other.npy" --out "$work/seeds"
ok "are no copies" grep -q '"near_copies": \[\],' "$work/seeds/sdc.json"
finish
