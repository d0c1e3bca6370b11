#!/bin/sh
# SPDX-License-Identifier: MIT
# What the command line says of pictures that are read, or not, in an unusual way.
. "$(dirname "$0")/shell.sh"

noted() { # noted N FIRST: the last command's stderr is one line that says so
    if [ "$(wc -l <"$work/stderr")" -eq 1 ] && grep -qF "$2: 16 bits a sample" "$work/stderr" && grep -q "kind: $1\$" "$work/stderr"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: not $1 and $2 in: $(head -c 300 "$work/stderr")"
    fi
}

run "image of 12 bits" image tests/golden/img_dim_16.png -o "$work/o.ppm"
noted 1 tests/golden/img_dim_16.png
run "image of 16 bits" image tests/golden/img_full_16.png -o "$work/o.ppm"
ok "nothing is said of it" [ ! -s "$work/stderr" ]
mkdir "$work/set" "$work/set/a" "$work/set/b"
for i in 1 2 3 4; do
    cp tests/golden/img_smooth.png "$work/set/a/$i.png"
    cp tests/golden/img_dim_16.png "$work/set/b/$i.png"
done
run "a run over 12 bits" run --model 'random:cifar_resnet8?seed=1' --stimuli "$work/set" --out "$work/out"
grep -F "16 bits a sample" "$work/stderr" >"$work/lines"
mv "$work/lines" "$work/stderr"
noted 4 "$work/set/b/1.png"
run "arithmetic coding" image tests/golden/img_arithmetic_420.jpg -o "$work/o.ppm"
run "no end marker" image tests/golden/img_no_end.jpg -o "$work/o.ppm"
fails 1 "an IDAT chunk apart" image tests/bad/img_apart.png -o "$work/o.ppm"
fails 1 "end of the runs in row 1" image tests/bad/img_rle_column.bmp -o "$work/o.ppm"
finish
