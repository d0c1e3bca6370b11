#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform sdc fit: studies that are wrong, one line each that names participant and file, and no
# folder left behind; voxels that vary in a later file alone; single trials.
# usage: tests/cli_sdc_input.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
golden=$PWD/tests/golden
head='participant\tresponses\ttrials\tmask\tsessions\n'
a="$golden/sdc_a_session*.nii.gz\t$golden/sdc_a.tsv"
fit="sdc fit --study $work/s.tsv --embedding $golden/sdc_embedding.npy --out $work/out --test-images 5 --val-images 3 --batch 8 --repeats 2
    --iterations 2 --reruns 1 --ridge none"
refuses() { # refuses WORDS LINES OPTION...: the study LINES fails, one line of stderr, no folder
    words=$1
    printf "$head$2" >"$work/s.tsv"
    shift 2
    fails 1 "$words" $fit "$@"
    ok "no folder: $words" test ! -e "$work/out"
}

# ---- masks: missing, another grid of as many voxels ----
refuses 'fusiform: a: '"$work/none.nii: cannot be opened" "a\t$a\tnone.nii\t1-2\n" # beside the study
mask=$work/mask.nii
gunzip -c "$golden/sdc_a_mask.nii.gz" >"$mask"
{ head -c 42 "$mask"; printf '\003\000\004\000'; tail -c +47 "$mask"; } >"$work/turned.nii"
refuses 'turned.nii: the mask has 3 x 4 x 2 voxels, the responses ' "a\t$a\t$work/turned.nii\t1-2\n"
gunzip -c "$golden/sdc_a_session2.nii.gz" >"$work/b2.nii"
gunzip -c "$golden/sdc_a_session10.nii.gz" >"$work/b1.nii"
{ head -c 42 "$work/b2.nii"; printf '\003\000\004\000'; tail -c +47 "$work/b2.nii"; } >"$work/b2" && mv "$work/b2" "$work/b2.nii"
refuses 'b2.nii: has 3 x 4 x 2 voxels, ' "a\t$work/b*.nii\t$golden/sdc_a.tsv\t-\t1-2\n"
refuses 'the mask has ' "b\t$golden/sdc_b.npy\t$golden/sdc_b.tsv\t$golden/sdc_b.npy\t-\n"

# ---- what is found only after the headers ----
line="b\t$golden/sdc_b.npy\t$golden/sdc_b.tsv\t-\t-\n"
refuses 'no voxel is kept' "$line" --min-nc 99.9
refuses 'b: --repeats 1: from single trials the noise ceiling is unknown' "$line" --repeats 1
refuses 'given twice' "$line$line"
refuses 'net: a network needs the pictures' "${line}net\tmodel:random:cifar_resnet8@relu\t$golden/sdc_b.tsv\t-\t-\n" --min-nc none
printf "$head$line" >"$work/s.tsv"
run "single trials without a noise ceiling" $fit --repeats 1 --min-nc none
rm -r "$work/out"
mkdir "$work/out" && echo mine >"$work/out/mine"
fails 1 'no voxel is kept' $fit --min-nc 99.9
ok "what else is in the folder stays" test "$(ls "$work/out")" = mine
rm -r "$work/out"

# ---- without a mask: a voxel that varies in the second file alone is listed, and dropped ----
npy() { # npy FILE NUMBERS...: [n / 2, 2] int8
    file=$1
    shift
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|i1', 'fortran_order': False, 'shape': ($(($# / 2)), 2), }" >"$file"
    for x; do printf "\\$(printf %03o "$x")"; done >>"$file"
}
npy "$work/c1.npy" 1 5 2 5 3 5 5 5 4 5 9 5 7 5 8 5
npy "$work/c2.npy" 3 1 1 2 2 4 3 9 5 7 4 2 6 6 1 3
{ echo image && printf '%s\n' 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7; } >"$work/c.tsv"
printf "${head}c\t$work/c*.npy\t$work/c.tsv\t-\t-\n" >"$work/s.tsv"
few='--min-nc none --test-images 2 --val-images 1'
run "files without a mask" $fit $few
ok "two voxels are listed, one is kept" test "$(cut -d, -f1,6 "$work/out/voxels/c.csv" | tr '\n' ' ')" = 'voxel,kept 0,1 1,0 '
run "the second alone" $fit --force --min-nc none --test-images 1 --val-images 1 --batch 4 --sessions 2
ok "keeps both" test "$(cut -d, -f1,6 "$work/out/voxels/c.csv" | tr '\n' ' ')" = 'voxel,kept 0,1 1,1 '
finish
