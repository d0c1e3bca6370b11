#!/bin/sh
# SPDX-License-Identifier: MIT
# Trains the four demonstration networks anew, from pictures that the program draws, and compares the
# SHA-256 of every tensor with those of weights/demo/NAME.safetensors. Stops at the first network that
# differs; continues a training that was interrupted.
#
# usage: weights/demo/breed.sh PROGRAM OUT [short]
#   short   two epochs of each network on 20 pictures a class, compared with weights/demo/short.sha256
program=$1 out=$2 short=$3
demo=$(dirname "$0")
[ -n "$program" ] && [ -n "$out" ] || { echo "usage: weights/demo/breed.sh PROGRAM OUT [short]" >&2; exit 2; }
mkdir -p "$out" || exit 1

pictures=400 held_out=60 epochs_start=28 epochs_on=12 epochs_clip=24
[ -z "$short" ] || pictures=20 held_out=5 epochs_start=2 epochs_on=2 epochs_clip=2

network='stem=7x7&blocks=2,2,2&width=16&input=64'
common="--stimuli builtin?per_category=$pictures&seed=101&side=64 --fresh --augment shift=3,jitter=.2
        --validate builtin?per_category=$held_out&seed=900&side=64 --resume"
sgd="--nesterov --decay 5e-4 --batch 32"

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
# Names, types, shapes and digests of a network's tensors: its metadata names the program's version too.
tensors() { "$program" inspect --sha256 "$1" 2>/dev/null; }
digest() { tensors "$1" | sha256 | cut -c1-64; }

compare() { # compare NAME
    "$program" convert "$out/$1/model.safetensors" --dtype f16 -o "$out/$1.safetensors" 2>/dev/null || exit 1
    found=$(digest "$out/$1.safetensors")
    if [ -n "$short" ]; then
        expected=$(sed -n "s/ $1\$//p" "$demo/short.sha256")
    else
        expected=$(digest "$demo/$1.safetensors")
    fi
    if [ "$found" != "$expected" ]; then
        echo "$1: differs: $found, expected $expected" >&2
        [ -n "$short" ] || tensors "$demo/$1.safetensors" >"$out/expected.tsv"
        [ -n "$short" ] || tensors "$out/$1.safetensors" | diff "$out/expected.tsv" - | sed -n '2p;/^>/{p;q;}' >&2
        exit 1
    fi
    echo "$1: the same tensors, $found"
}
breed() { # breed NAME START OPTION...
    name=$1 start=$2
    shift 2
    "$program" train --model "$start" $common "$@" --out "$out/$name" || exit 1
    compare "$name"
}

set -f # ? in the sets' names
breed vision "random:resnet?$network&classes=11&seed=1&zero=1" $sgd --epochs $epochs_start --lr .05 --seed 1
vision=$out/vision/model.safetensors
breed control "$vision" $sgd --epochs $epochs_on --lr .02 --seed 2
breed lang "$vision" $sgd --epochs $epochs_on --lr .02 --lr-heads .4 --seed 2 --language lsa:64
breed clip "random:clip_resnet?blocks=2,2,2&width=16&input=64&embed=64&seed=1&zero=1" --contrastive --classify 0 \
    --optimiser adamw --lr .002 --decay .05 --batch 64 --epochs $epochs_clip --seed 1
