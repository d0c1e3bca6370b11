#!/bin/sh
# SPDX-License-Identifier: MIT
# What the program writes to (-o), file size limits, and what `make` does with other compilers and flags.
. "$(dirname "$0")/shell.sh"
root=$PWD
picture=$root/tests/golden/img_420_33x18.jpg
small='random:cifar_resnet8?seed=3'
bytes() { # bytes WHAT FILE: the same as $work/want
    ok "$1" cmp "$work/want" "$2"
}

# ---- -o: links stay, streams are written through, devices are refused ----
run "a file" image "$picture" -o "$work/want.ppm"
mv "$work/want.ppm" "$work/want"
for out in - /dev/stdout; do
    $program image "$picture" -o $out >"$work/got" 2>"$work/stderr"
    bytes "-o $out" "$work/got"
done
{ echo before; $program image "$picture" -o - ; } >"$work/got" 2>"$work/stderr"
{ echo before; cat "$work/want"; } >"$work/both"
ok "-o - goes on behind what is there" cmp "$work/both" "$work/got"
$program image "$picture" -o - 2>"$work/stderr" | cat >"$work/got"
bytes "-o - into a pipe" "$work/got"
mkfifo "$work/fifo" && cat "$work/fifo" >"$work/got" &
until [ -p "$work/fifo" ]; do sleep 0.1; done
sleep 0.3
run "-o PIPE" image "$picture" -o "$work/fifo"
wait $!
bytes "-o PIPE" "$work/got"
fails 1 "nothing reads from this pipe" image "$picture" -o "$work/fifo"
mkdir "$work/there" && ln -s there/real.ppm "$work/link.ppm"
for again in 1 2; do
    run "-o LINK" image "$picture" -o "$work/link.ppm"
    bytes "-o LINK, $again" "$work/there/real.ppm"
    ok "the link stays" test -L "$work/link.ppm"
done
run "-o /dev/null" image "$picture" -o /dev/null
ok "/dev/null is a device" test -c /dev/null
fails 1 "it is a folder" convert "$small" -o "$work/there"
ln -s /dev/null "$work/null.npz"
fails 1 "an .npz archive is written to a file only" activations --model "$small" --layer relu "$picture" -o "$work/null.npz"
fails 1 "an .npy holds one layer, 2 were asked for" activations --model "$small" --layer relu,avgpool "$picture" -o -
run "weights in a file" convert "$small" -o "$work/weights"
$program convert "$small" -o - >"$work/got" 2>"$work/stderr"
ok "weights on standard output" cmp "$work/weights" "$work/got"
run "one layer in a file" activations --model "$small" --layer relu "$picture" -o "$work/relu.npy"
$program activations --model "$small" --layer relu "$picture" -o - >"$work/got" 2>"$work/stderr"
ok "one layer on standard output" cmp "$work/relu.npy" "$work/got"
if mknod "$work/zero" c 1 5 2>"$work/stderr"; then
    fails 1 "it is a device" convert "$small" -o "$work/zero"
    ok "it still is" test -c "$work/zero"
else
    skipped=$((skipped + 2))
    echo "skipped: no device can be made here"
fi

# ---- a limit on the size of files: one line, nothing left ----
mkdir "$work/limit"
(ulimit -f 20 && exec $program convert "$small" -o "$work/limit/small.safetensors") >"$work/said" 2>"$work/why"
ok "status 1 past ulimit -f" test $? -eq 1
ok "and why" grep -q "small.safetensors: cannot be written: File too large" "$work/why"
ok "one line" test "$(wc -l <"$work/why")" -eq 1
ok "nothing is left" test -z "$(ls "$work/limit")"

# ---- make: other flags rebuild, the same ones do not ----
build() { make -s BUILD="$work/build" OPENMP=0 "$@" "$work/build/nn/base/rng.o" >"$work/said" 2>"$work/why"; }
built() { grep -q 'CC  nn/base/rng.c' "$work/said"; }
if command -v make >/dev/null && command -v cc >/dev/null && unset MAKEFLAGS MFLAGS MAKELEVEL; then
    ok "make builds" build && build && ok "twice: nothing to do" test ! -s "$work/said"
    build && build CFLAGS=-O1 && ok "other CFLAGS" built
    build CFLAGS=-O1 LDFLAGS=-g && ok "other LDFLAGS" built
    build "CFLAGS=-O1 -DQUOTES='\"a b\"'" && ok "quotes in CFLAGS" built
    build "CFLAGS=-O1 -DQUOTES='\"a b\"'" && ok "twice: nothing to do" test ! -s "$work/said"
    if command -v clang >/dev/null; then build CC=clang && ok "another compiler" built; fi
    ok "tcc is told at once" sh -c 'make CC=tcc 2>&1 | grep -q "build it with gcc or clang"'
    ok "/dev/null is a device" test -c /dev/null
fi
if command -v i686-linux-gnu-gcc >/dev/null; then
    i686-linux-gnu-gcc -std=c11 -D_FILE_OFFSET_BITS=64 -I. -fsyntax-only nn/base/base.c 2>"$work/why"
    ok "x87 arithmetic is refused" grep -q 'error.*-msse2 -mfpmath=sse' "$work/why"
    i686-linux-gnu-gcc -std=c11 -msse2 -mfpmath=sse -I. -fsyntax-only nn/base/base.c 2>"$work/why"
    ok "small files are refused" grep -q 'error.*-D_FILE_OFFSET_BITS=64' "$work/why"
else
    skipped=$((skipped + 2))
    echo "skipped: no i686-linux-gnu-gcc here"
fi
finish
