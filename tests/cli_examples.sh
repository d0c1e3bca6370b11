#!/bin/sh
# SPDX-License-Identifier: MIT
# C programs that use the library (tests/examples): each says what the program says.
# EXAMPLES=folder of the built ones (default build/tests/examples)
. tests/shell.sh
examples=${EXAMPLES:-build/tests/examples}
model=random:cifar_resnet20?seed=3
column() { # column FILE LAYER: category and proportion of layers.csv
    awk -F, -v layer="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } $2 == layer { print $3 "\t" $at["proportion"] }' "$1"
}
same() { # same WHAT FILE FILE
    if cmp -s "$2" "$3"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $1:"
        diff "$2" "$3"
    fi
}

# The very digits of `fusiform run`, also where a category has more pictures than a block (32).
for set in 'builtin?per_category=6' 'builtin?per_category=40'; do
    run "a run on $set" run --model $model --stimuli "$set" --layers layer2.2.relu --out "$work/run" --force
    column "$work/run/layers.csv" layer2.2.relu >"$work/expected"
    ok "localize on $set" ${RUN-} "$examples/localize" $model "$set" layer2.2.relu "$work/later"
    same "the shares on $set" "$work/stdout" "$work/expected"
    ok "the same files, written in the end" diff -r -x run.log "$work/run" "$work/later"
    rm -r "$work/later"
    [ -s "$work/expected" ] || { failed=$((failed + 1)); echo "FAILED: no shares in layers.csv"; }
done

run "pictures" stimuli generate --per-category 4 -o "$work/set"
picture=$(find "$work/set" -name '*.png' | sort | head -n 1)
run "activations" activations --model $model --layer avgpool "$picture" -o "$work/x.npy"
ok "activations of C" ${RUN-} "$examples/activations" $model "$picture" avgpool
cp "$work/stdout" "$work/means"
tail -c 256 "$work/x.npy" | od -An -v -tf4 | tr -s ' ' '\n' | sed '/^$/d' >"$work/floats" # [1, 64, 1, 1], little-endian
ok "64 channels" test "$(wc -l <"$work/means")" -eq 64
ok "the last layer's values, which has one place" awk 'NR == FNR { x[NR - 1] = $1; next } { d = x[$1] - $2; n++ }
    d > 1e-5 || d < -1e-5 { bad = 1 } END { exit bad || n != 64 }' "$work/floats" "$work/means"
ok "read-out" ${RUN-} "$examples/readout" $model "$work/set" avgpool
if grep -q '^[0-9]* of 10 right, 2 by chance$' "$work/stdout"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED read-out: $(cat "$work/stdout")"
fi
finish
