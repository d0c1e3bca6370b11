#!/bin/sh
# SPDX-License-Identifier: MIT
# weights/demo/concepts.sh, short: two studies of networks from a folder like that of experiment.sh.
# usage: tests/cli_concepts.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
script=weights/demo/concepts.sh dir=$work/home
printf '#!/bin/sh\nexec %s "$@"\n' "$program" >"$work/program"
chmod +x "$work/program"

sh $script "$work/program" 2>"$work/stderr"
ok "usage" test $? -eq 2
sh $script "$work/program" "$dir" short 2>"$work/stderr"
status=$?
cp "$work/stderr" "$work/said"
ok "without networks it fails" test $status -eq 1
ok "and says which" grep -q 'control1/model.safetensors is missing: weights/demo/experiment.sh trains it' "$work/said"

for s in 1 2 3 4 5; do
    mkdir -p "$dir/control$s" "$dir/language$s"
    cp weights/demo/control.safetensors "$dir/control$s/model.safetensors"
    cp weights/demo/lang.safetensors "$dir/language$s/model.safetensors"
done
mkdir "$dir/clip2"
cp weights/demo/clip.safetensors "$dir/clip2/model.safetensors"
sh $script "$work/program" "$dir" short >"$work/stdout" 2>"$work/stderr"
ok "the studies" test $? -eq 0
for study in first second; do
    at=$dir/concepts/$study
    for f in report.html decoders/untrained1*.npz localizer/layers.csv clusters/eps.csv clusters/0.225/groups.csv \
        clusters/0.225/categories.csv; do
        ok "$study/$f" test -s "$at"/$f
    done
    ok "$study: pictures with labels" test "$(wc -l <"$at-pictures/images.tsv")" -eq 31
    ok "$study: kinds are labels" grep -q '^image	path	adult	' "$at-pictures/images.tsv"
done
finish
