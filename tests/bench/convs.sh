#!/bin/sh
# SPDX-License-Identifier: MIT
# The convolutions of ResNet-50 at 224 x 224, one a line: in_channels channels kernel stride padding in_side addend
echo 3 64 7 2 3 224 0
in=64 side=56
for stage in "64 3" "128 4" "256 6" "512 3"; do
    set -- $stage
    width=$1 blocks=$2 out=$((4 * $1)) stride=$((width > 64 ? 2 : 1))
    for block in $(seq "$blocks"); do
        [ "$block" = 1 ] || stride=1
        [ "$block" != 1 ] || echo $in $out 1 $stride 0 $side 0
        echo $in $width 1 1 0 $side 0
        echo $width $width 3 $stride 1 $side 0
        side=$((side / stride)) in=$out
        echo $width $out 1 1 0 $side 1
    done
done
