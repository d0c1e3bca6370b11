#!/bin/sh
# SPDX-License-Identifier: MIT
# The demonstration networks, demo:NAME: every command that takes a model takes them, and they are what weights/demo holds.
# usage: tests/cli_demo.sh     FUSIFORM=path of the program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
demo=$(dirname "$0")/../weights/demo

tensors_are_equal() { # tensors_are_equal A B: names, shapes and digests, whatever the types
    $program inspect --sha256 "$1" 2>/dev/null | cut -f1,3,4 | LC_ALL=C sort >"$work/a"
    $program inspect --sha256 "$2" 2>/dev/null | cut -f1,3,4 | LC_ALL=C sort >"$work/b"
    [ -s "$work/a" ] && cmp "$work/a" "$work/b"
}

ok "together 2.5 MB" sh -c "[ \$(cat '$demo'/*.safetensors | wc -c) -le 2500000 ]"
for name in vision control lang clip; do
    run "inspect demo:$name" inspect demo:$name
    ok "$name: the file's tensors" tensors_are_equal demo:$name "$demo/$name.safetensors"
    run "convert demo:$name" convert demo:$name -o "$work/$name.safetensors"
    ok "$name: the same tensors written" tensors_are_equal demo:$name "$work/$name.safetensors"
done
run "convert to f16" convert demo:lang --dtype f16 -o "$work/half.safetensors"
ok "f16: the same tensors" tensors_are_equal demo:lang "$work/half.safetensors"
ok "lang has its head" grep -q '^lang_head.weight' "$work/a"

# ---- run, and what goes on from a run ----
set='builtin?per_category=8&seed=777'
run "run" run --model demo:vision --model twin=demo:lang --stimuli "$set" --layers relu,layer3.1.relu --out "$work/run"
says '^vision, layer3.1.relu, 4096 units:'
says '^twin, layer3.1.relu, 4096 units:'
digest=$(sha256 <"$demo/vision.safetensors" | cut -c1-64)
ok "run.json names it" grep -q '"demo:vision"' "$work/run/run.json"
ok "run.json has the file's digest" grep -q "$digest" "$work/run/run.json"
cp "$demo/vision.safetensors" "$work/vision.safetensors" # the same numbers from the file
run "run of the file" run --model "$work/vision.safetensors" --model twin="$demo/lang.safetensors" --stimuli "$set" --layers relu,layer3.1.relu \
    --out "$work/file"
ok "the same table" cmp "$work/run/layers.csv" "$work/file/layers.csv"
case $program in /*) absolute=$program ;; *) absolute=$RUN${RUN:+ }$PWD/${FUSIFORM:-./fusiform} ;; esac
mkdir "$work/cwd"
ok "whatever files are called so" sh -c "cd '$work/cwd' && : >demo:vision && $absolute inspect demo:vision"
run "resume" run --model demo:vision --model twin=demo:lang --stimuli "$set" --layers relu,layer3.1.relu --out "$work/run" --resume
run "report" report "$work/run"
run "compare" compare "$work/run" "$work/run"
run "lesion" lesion --model demo:vision --run "$work/run" --layer layer3.1.relu --category face --top 9 --stimuli "$set" -o "$work/lesion.csv"

# ---- the other commands ----
run "stimuli" stimuli generate --per-category 2 --seed 777 --categories adult,house -o "$work/drawn"
picture=$(find "$work/drawn/adult" -name "*.png" | head -n 1)
run "classify" classify --model demo:vision "$picture"
run "activations" activations --model demo:clip --layer layer3.1.relu "$picture" -o "$work/a.npy"
run "embed" embed --model demo:clip "$picture" -o "$work/e.npy"
run "bench" bench --model demo:vision --rounds 1
run "train" train --model demo:vision --stimuli 'builtin?per_category=4&seed=5&side=64' --epochs 1 --batch 8 --language lsa:8 --out "$work/train"
ok "train.json names it" grep -q '"model": "demo:vision"' "$work/train/train.json"

# ---- refusals ----
there="no demonstration network has this name; there are demo:vision, demo:control, demo:lang and demo:clip"
fails 1 "demo:nobody: $there" inspect demo:nobody
fails 1 "demo:: $there" run --model x=demo: --stimuli "$set" --out "$work/none"
fails 1 "two models are called 'vision'" run --model demo:vision --model "$work/vision.safetensors" --stimuli "$set" --out "$work/none"
finish
