#!/bin/sh
# SPDX-License-Identifier: MIT
# How often does chance select units of a real network? The 48 pictures of one category of fLoc are split at random in two
# "categories" of 36 and 12: no unit is selective, and any should be found in at most 5 % of the layers. Part of `make study`;
# skipped where pictures and weights are missing.
# usage: tests/relabel.sh [RELABELLINGS]
. tests/shell.sh
weights=$shared/weights/cifar_resnet20-12fca82f.th
if [ ! -f "$weights" ] || [ ! -d "$shared/floc" ]; then
    echo "skipped: $shared holds no weights and pictures"
    exit 0
fi
relabellings=${1:-20}
split() { # split SEED LARGE FOLDER FOLDER: a manifest of their pictures, LARGE of them in category a, the rest in b
    find "$shared/floc/$3" "$shared/floc/$4" -type f | LC_ALL=C sort | awk -v seed="$1" -v large="$2" '
        { path[NR] = $0 }
        END {
            srand(seed)
            for (i = NR; i > 1; i--) { j = int(rand() * i) + 1; t = path[i]; path[i] = path[j]; path[j] = t }
            for (i = 1; i <= NR; i++) if (i <= large) print path[i] "\ta"
            for (i = 1; i <= NR; i++) if (i > large) print path[i] "\tb"
        }'
}
for test in balanced welch; do
    for large in 36 24; do
        layers=0 found=0
        for folders in 'adult child' 'house corridor' 'car instrument'; do
            for seed in $(seq 1 "$relabellings"); do
                # shellcheck disable=SC2086
                split "$seed" $large $folders >"$work/split.tsv"
                $program run --model "r20=$weights" --layers layer1.2.relu,layer2.2.relu,layer3.2.relu --stimuli "$work/split.tsv" \
                    --halves none --test $test --out "$work/out" --force >/dev/null 2>&1 || failed=$((failed + 1))
                # any unit for category a, the larger one
                found=$((found + $(awk -F, '$3 == "a" && $5 > 0' "$work/out/layers.csv" | wc -l)))
                layers=$((layers + 3))
            done
        done
        echo "$test, $large/$((48 - large)): any unit for the larger in $found of $layers layers"
        [ $test = welch ] || ok 'at most 5 %' test $((20 * found)) -le $((layers + 3 * relabellings / 10))
    done
done
finish
