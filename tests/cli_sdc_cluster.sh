#!/bin/sh
# fusiform sdc cluster: labels of NumPy, options, what it refuses.
# usage: tests/cli_sdc_cluster.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
golden=tests/golden
four="--vectors s0=$golden/sdc_w0.npy --vectors s1=$golden/sdc_w1.npy --vectors s2=$golden/sdc_w2.npy --vectors s3=$golden/sdc_w3.npy"
plain='--null none --stability 0'

# ---- labels ----
run "labels" sdc cluster $four --out "$work/a" --eps 0.3 --min-others 2 --border last $plain --expand none
says '^eps 0\.30: [0-9]+ clusters'
for i in 0 1 2 3; do ok "labels of s$i" cmp "$work/a/clusters/0.30/s${i}_labels.npy" "$golden/sdc_last$i.npy"; done
ok "no expansion" test ! -e "$work/a/clusters/0.30/s0_expanded.npy"
run "the file transposed, of doubles" sdc cluster --vectors "s0=$golden/sdc_w0_transposed.npy" --vectors "s1=$golden/sdc_w0_transposed.npy" \
    --transposed --out "$work/t" --eps 0.3 --min-others 1 $plain
run "as it is" sdc cluster --vectors "s0=$golden/sdc_w0.npy" --vectors "s1=$golden/sdc_w0.npy" --out "$work/u" --eps 0.3 --min-others 1 $plain
ok "the same labels" cmp "$work/t/clusters/0.30/s1_labels.npy" "$work/u/clusters/0.30/s1_labels.npy"
run "a list" sdc cluster $four --out "$work/b" --eps 0.45,0.3,0.30 --min-others 2 --border last $plain --threads 2
ok "the same of a list" cmp "$work/a/clusters/0.30/s2_labels.npy" "$work/b/clusters/0.30/s2_labels.npy"
ok "expanded clusters" test -s "$work/b/clusters/0.45/s3_expanded.npy"
ok "two rows" test "$(wc -l <"$work/b/clusters/eps.csv")" -eq 3
run "the paper's choices" sdc cluster $four --out "$work/c" --preset efird --min-others 2 $plain
for e in 0.45 0.50 0.55 0.60 0.65 0.70; do ok "eps $e" test -s "$work/c/clusters/$e/s0_labels.npy"; done
ok "the last border" cmp "$work/b/clusters/0.45/s1_labels.npy" "$work/c/clusters/0.45/s1_labels.npy"
run "too few people" sdc cluster $four --out "$work/d" --eps 0.3 --min-others 4 $plain
cp "$work/stderr" "$work/said"
ok "it is said" grep -q '4 participants: no voxel has neighbours in 4 others' "$work/said"

# ---- what it refuses ----
few="--vectors s0=$golden/sdc_w0.npy --out $work/bad --eps 0.3"
fails 2 'a folder of a fit, or --vectors NAME=W.npy, expected' sdc cluster
fails 2 '--vectors needs --out DIR' sdc cluster --vectors "s0=$golden/sdc_w0.npy" --eps 0.3
fails 2 "--eps: '0.3,' found" sdc cluster $few --eps 0.3,
fails 2 "--eps: '0' found" sdc cluster $few --eps 0
fails 2 "--border: 'first' found, nearest or last expected" sdc cluster $few --border first
fails 2 "--expand: 'no' found" sdc cluster $few --expand no
fails 2 '--transposed goes with --vectors' sdc cluster "$work/a" --eps 0.3 --transposed
fails 1 "--vectors: 'w.npy' found, NAME=FILE.npy expected" sdc cluster --vectors w.npy --out "$work/bad" --eps 0.3
fails 1 "--vectors: 'a/b=w.npy' found" sdc cluster --vectors a/b=w.npy --out "$work/bad" --eps 0.3
fails 1 'participant s0 is given twice' sdc cluster $few --vectors "s0=$golden/sdc_w1.npy"
fails 1 'none.npy: cannot be opened' sdc cluster $few --vectors "s1=$work/none.npy"
fails 1 'vectors of 25 dimensions found, 16 expected' sdc cluster $few --vectors "s1=$golden/sdc_w0_transposed.npy" --vectors "s2=$golden/sdc_w1.npy"
fails 1 'array of 1 dimensions found, [voxels, dimensions] expected' sdc cluster --vectors "s0=$golden/sdc_last0.npy" --out "$work/bad" --eps 0.3
head -c 1000 "$golden/sdc_w1.npy" >"$work/short.npy"
fails 1 'truncated copy?' sdc cluster $few --vectors "s1=$work/short.npy"
{ head -c 200 "$golden/sdc_w1.npy"; printf '\000\000\300\177'; tail -c +205 "$golden/sdc_w1.npy"; } >"$work/nan.npy"
fails 1 'voxel 1: its vector has values that are no finite numbers' sdc cluster $few --vectors "s1=$work/nan.npy"
fails 1 "$work/nowhere/decoders: " sdc cluster "$work/nowhere" --eps 0.3
ok "nothing written" test ! -e "$work/bad"
finish
