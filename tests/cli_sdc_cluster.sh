#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform sdc cluster: labels of NumPy, options, what it refuses.
# usage: tests/cli_sdc_cluster.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
golden=tests/golden
four="--vectors s0=$golden/sdc_w0.npy --vectors s1=$golden/sdc_w1.npy --vectors s2=$golden/sdc_w2.npy --vectors s3=$golden/sdc_w3.npy"
plain='--null none --stability 0 --force'

# ---- labels ----
run "labels" sdc cluster $four --out "$work/a" --eps 0.3 --min-others 2 --border last $plain --expand none
says '^eps 0\.30: [0-9]+ clusters'
for i in 0 1 2 3; do ok "labels of s$i" cmp "$work/a/clusters/0.30/s${i}_labels.npy" "$golden/sdc_last$i.npy"; done
run "eps above the distance of a vector of zeros" sdc cluster $four --out "$work/wide" --eps 1.2 --min-others 2 --border last $plain --expand none
for i in 0 1 2 3; do ok "labels of s$i" cmp "$work/wide/clusters/1.20/s${i}_labels.npy" "$golden/sdc_wide$i.npy"; done
ok "no expansion" test ! -e "$work/a/clusters/0.30/s0_expanded.npy"
run "the file transposed, of doubles" sdc cluster --vectors "s0=$golden/sdc_w0_transposed.npy" --vectors "s1=$golden/sdc_w0_transposed.npy" \
    --transposed --out "$work/t" --eps 0.3 --min-others 1 $plain
run "as it is" sdc cluster --vectors "s0=$golden/sdc_w0.npy" --vectors "s1=$golden/sdc_w0.npy" --out "$work/u" --eps 0.3 --min-others 1 $plain
ok "the same labels" cmp "$work/t/clusters/0.30/s1_labels.npy" "$work/u/clusters/0.30/s1_labels.npy"
run "a list" sdc cluster $four --out "$work/b" --eps 0.45,0.3,0.30 --min-others 2 --border last $plain --threads 2
ok "the same of a list" cmp "$work/a/clusters/0.30/s2_labels.npy" "$work/b/clusters/0.30/s2_labels.npy"
ok "expanded clusters" test -s "$work/b/clusters/0.45/s3_expanded.npy"
ok "two rows" test "$(wc -l <"$work/b/clusters/eps.csv")" -eq 3
run "other eps in the same folder" sdc cluster $four --out "$work/b" --eps 0.2 --min-others 2 $plain
ok "the old ones are gone" test ! -e "$work/b/clusters/0.45"
run "the list again" sdc cluster $four --out "$work/b" --eps 0.45,0.3 --min-others 2 --border last $plain
run "the paper's choices" sdc cluster $four --out "$work/c" --preset efird --min-others 2 $plain
for e in 0.45 0.50 0.55 0.60 0.65 0.70; do ok "eps $e" test -s "$work/c/clusters/$e/s0_labels.npy"; done
ok "the last border" cmp "$work/b/clusters/0.45/s1_labels.npy" "$work/c/clusters/0.45/s1_labels.npy"
run "too few people" sdc cluster $four --out "$work/d" --eps 0.3 --min-others 4 $plain
cp "$work/stderr" "$work/said"
ok "it is said" grep -q '4 participants: no voxel has neighbours in 4 others' "$work/said"

# ---- an eps chosen against chance, and the page ----
run "eps by itself" sdc cluster $four --out "$work/e" --min-others 2 --null-replicates 2 --embedding "$golden/sdc_w0.npy"
says '^report: .*/e/report\.html$'
ok "twenty-four values" test "$(wc -l <"$work/e/clusters/eps.csv")" -eq 25
cp "$work/e/report.html" "$work/page.html"
run "the page again" report "$work/e"
ok "is the same" cmp "$work/page.html" "$work/e/report.html"
bad() { # bad WORDS FILE SED: a table changed by sed
    cp "$work/e/$2" "$work/kept" && sed "$3" "$work/kept" >"$work/e/$2"
    fails 1 "$1" report "$work/e"
    cp "$work/kept" "$work/e/$2"
}
chosen=$(sed -n 's/^\([0-9.]*\),.*,1,[-0-9.e]*,[0-9]*$/\1/p' "$work/e/clusters/eps.csv")
bad 'eps.csv: line 3: ' clusters/eps.csv '3s/,[0-9]*/,-5/'
bad 'eps.csv: line 2: ' clusters/eps.csv '2s/[0-9]*$/1e999/;2s/^[0-9.]*/9/'
bad 'eps.csv: ' clusters/eps.csv '1s/n_core/core/'
if [ -n "$chosen" ]; then
    bad 'clusters.csv: line 2: ' "clusters/$chosen/clusters.csv" '2s/^1,[0-9]*/1,x/'
    bad 'clusters.csv: line 2: ' "clusters/$chosen/clusters.csv" '2s/^1,[0-9]*/1,/'
    bad 'images.csv: ' "clusters/$chosen/images.csv" '2s/^1/999/'
fi
run "images of vectors" sdc cluster $four --out "$work/f" --eps 0.45 --min-others 2 $plain --embedding "$golden/sdc_w0.npy" --top 3
ok "three nearest and farthest" test "$(grep -c '^1,' "$work/f/clusters/0.45/images.csv")" -eq 6

# ---- a fit's folder ----
run "a fit" sdc fit --study "$golden/sdc_study.tsv" --embedding "$golden/sdc_embedding.npy" --min-nc none --test-images 5 --val-images 3 \
    --batch 8 --repeats 2 --iterations 40 --reruns 2 --permutations 1 --out "$work/fit"
run "its clusters" sdc cluster "$work/fit" --of both --eps 0.4 --null-replicates 2 --stability 2
for f in clusters.csv stability.csv comparison.csv comparison_clusters.csv presence.csv participants.csv images.csv decodability.csv opposites.csv contrasts.csv centroids.npy a_labels.nii c_lh_labels.mgh labels.ctab; do
    ok "$f" test -s "$work/fit/clusters/0.40/$f"
done
ok "of patterns" test -s "$work/fit/clusters-pattern/0.40/decodability.csv"
ok "voxels with their place and distance" grep -q '^voxel,i,j,k,nc,core_distance,cluster_0.40,distance_0.40$' "$work/fit/clusters/voxels/a.csv"
ok "as the fit has them" test "$(cut -d, -f1-5 "$work/fit/clusters/voxels/a.csv" | tail -n +2)" = \
    "$(grep ',1$' "$work/fit/voxels/a.csv" | cut -d, -f1-5)"
ok "a log with phases" grep -q '^phase	links	[0-9.]*$' "$work/fit/clusters-pattern/cluster.log"
ok "and pairs at eps" grep -q '^pairs within 1e-6 of eps	0.40	[0-9]*$' "$work/fit/clusters/cluster.log"
fails 1 'clusters/cluster.json: clusters of other options or inputs: "seed": 1 found, now "seed": 2; --force replaces them' \
    sdc cluster "$work/fit" --of both --eps 0.4 --null-replicates 2 --stability 2 --seed 2
cp "$work/fit/report.html" "$work/page.html"
run "the same again" sdc cluster "$work/fit" --of both --eps 0.4 --null-replicates 2 --stability 2
ok "gives the same" cmp "$work/page.html" "$work/fit/report.html"
run "relabelled decoders" sdc cluster "$work/fit" --eps 0.4 --null pairing --force
ok "no two share a space" test ! -e "$work/fit/clusters/0.40/dice.csv"
ok "the page has them" test "$(grep -c 'Who shares them?\|Are they stable?\|Is crossing people needed?\|Differences from Efird' "$work/page.html")" -eq 7
run "nothing beside" sdc cluster "$work/fit" --eps 0.4 $plain --compare none
ok "is not compared" test ! -e "$work/fit/clusters/0.40/comparison.csv"
fails 2 '--null pairing has weights alone' sdc cluster "$work/fit" --of both --null pairing
fails 2 '--eps auto is chosen against chance' sdc cluster "$work/fit" --null none
fails 1 'embeddings of 16 dimensions found, ' sdc cluster "$work/fit" --eps 0.4 $plain --embedding "$golden/sdc_w0.npy"
printf 'participant\tresponses\trois\na\tx.nii\tmask=%s\nb\tx.npy\t-\n' "$PWD/$golden/sdc_a_mask.nii.gz" >"$work/rois.tsv"
run "regions" sdc cluster "$work/fit" --eps 0.4 $plain --rois "$work/rois.tsv"
ok "a row of a region" grep -q '^1,a,mask,1,' "$work/fit/clusters/0.40/rois.csv"
printf 'participant\tresponses\trois\na\tx.nii\tmask\n' >"$work/rois.tsv"
fails 1 "participant a: rois: 'mask' found, SET=FILE or SET=FILE:NAMES expected" sdc cluster "$work/fit" --eps 0.4 $plain --rois "$work/rois.tsv"
printf 'participant\tresponses\trois\nb\tx.npy\tsmall=%s\n' "$PWD/$golden/sdc_last0.npy" >"$work/rois.tsv"
fails 1 'another grid?' sdc cluster "$work/fit" --eps 0.4 $plain --rois "$work/rois.tsv"
printf 'participant\tresponses\nb\tx.npy\n' >"$work/rois.tsv"
fails 1 'no participant has rois' sdc cluster "$work/fit" --eps 0.4 $plain --rois "$work/rois.tsv"
printf '{"participants": ["a", "../b"]}' >"$work/fit/sdc.json"
fails 1 "a participant's name, without /, expected" sdc cluster "$work/fit" --eps 0.4 $plain
printf '{"participants": ["a", "d"]}' >"$work/fit/sdc.json"
fails 1 'decoders/d.npz: cannot be opened' sdc cluster "$work/fit" --eps 0.4 $plain
rm "$work/fit/sdc.json"
head -c 3000 "$work/fit/responses/b_test.npz" >"$work/short.npz"
mv "$work/short.npz" "$work/fit/responses/b_test.npz"
fails 1 'responses/b_test.npz: ' sdc cluster "$work/fit" --eps 0.4 $plain

# ---- two participants in one space ----
printf 'participant\tresponses\ttrials\tmask\n' >"$work/two.tsv"
for name in p q; do
    printf '%s\t%s/sdc_a_session*.nii.gz\t%s/sdc_a.tsv\t%s/sdc_a_mask.nii.gz\n' $name "$PWD/$golden" "$PWD/$golden" "$PWD/$golden" >>"$work/two.tsv"
done
run "a fit of the same twice" sdc fit --study "$work/two.tsv" --embedding "$golden/sdc_embedding.npy" --min-nc none --test-images 5 --val-images 3 \
    --batch 8 --repeats 2 --iterations 20 --reruns 1 --ridge none --sessions 1-2 --out "$work/two"
run "their clusters" sdc cluster "$work/two" --eps 0.05 --min-others 1 $plain
cut -d, -f1,7 "$work/two/clusters/voxels/p.csv" | tail -n +2 >"$work/p"
cut -d, -f1,7 "$work/two/clusters/voxels/q.csv" | tail -n +2 >"$work/q"
awk -F, 'NR == FNR { of[$1] = $2; if ($2) a[$2]++; next } $2 { b[$2]++; both[$2] += of[$1] == $2 }
    END { for (c in a) if (c in b) print c ",p,q," a[c] "," b[c] "," both[c] + 0 }' "$work/p" "$work/q" | sort >"$work/want"
tail -n +2 "$work/two/clusters/0.05/dice.csv" | cut -d, -f1-6 | sort >"$work/have"
ok "voxels in common" cmp "$work/want" "$work/have"
ok "there are some" grep -q ',p,q,[0-9]*,[0-9]*,[1-9]' "$work/have"

# ---- networks and the localizer ----
run "pictures" stimuli generate --per-category 5 --size 32 -o "$work/pics"
find "$work/pics" -name '*.png' | LC_ALL=C sort >"$work/list"
awk -F/ 'BEGIN { print "image\tpath\tkind" } { print $(NF - 1) "-" $NF "\t" $0 "\t" $(NF - 1) }' "$work/list" >"$work/images.tsv"
run "their embedding" embed --model 'random:cifar_resnet8?seed=7' $(cat "$work/list") -o "$work/e.npy"
printf 'participant\tresponses\ttrials\n' >"$work/study.tsv"
for seed in 3 1 5; do printf 'n%d\tmodel:random:cifar_resnet8?seed=%d@layer3.0.relu\timages.tsv\n' $seed $seed; done >>"$work/study.tsv"
run "decoders of networks" sdc fit --study "$work/study.tsv" --images "$work/images.tsv" --embedding "$work/e.npy" --test-images 8 \
    --val-images 4 --iterations 30 --lr 1e-2 --batch 8 --reruns 1 --ridge none --out "$work/nets"
run "a localizer" run --model n3='random:cifar_resnet8?seed=3' --model n1='random:cifar_resnet8?seed=1' --layers relu,layer3.0.relu \
    --stimuli 'builtin?per_category=5&seed=2' --correction none --out "$work/run"
run "their overlap" sdc cluster "$work/nets" --eps 0.8 --min-others 1 $plain --run "$work/run" --layer layer3.0.relu
ok "rows of two networks and five categories" test \
    $(($(grep -c ',n3,layer3.0.relu,' "$work/nets/clusters/0.80/overlap.csv") + $(grep -c ',n1,layer3.0.relu,' "$work/nets/clusters/0.80/overlap.csv"))) \
    -eq $((10 * ($(wc -l <"$work/nets/clusters/0.80/clusters.csv") - 1)))
ok "units are channels" grep -q '^1,n3,layer3.0.relu,channels,' "$work/nets/clusters/0.80/overlap.csv"
ok "and the page has them" grep -q "localizer's categories" "$work/nets/report.html"
ok "what a localizer misses" grep -q 'What does a category localizer miss?' "$work/nets/report.html"
table=$work/nets/clusters/0.80/overlap.csv
all=$work/nets/clusters/0.80/categories.csv
ok "a row for each cluster and category" test "$(wc -l <"$all")" -eq $((5 * ($(wc -l <"$work/nets/clusters/0.80/clusters.csv") - 1) + 1))
count='NR > 1 { all[$1]; if ($6 > 0 && $9 < 0.05) { far[$1]; if (2 * $6 >= $4) is[$1] } }
    END { for (c in all) { if (c in is) b++; else if (c in far) w++; else n++ } print b + 0, w + 0, n + 0 }'
awk -F, "$count" "$all" >"$work/want"
sed -n 's/^<li><b>\([0-9]*\)<.b> \(are a cat\|share units\|have no more\).*/\1/p' "$work/nets/report.html" | tr '\n' ' ' | sed 's/ $//' >"$work/have"
echo >>"$work/have"
ok "as the table counts" cmp "$work/want" "$work/have"
ok "networks share units" grep -q '<th>units</th><th>networks</th>' "$work/nets/report.html"
ok "not voxels of people" test "$(grep -c 'Voxels of each participant\|crossing people' "$work/nets/report.html")" -eq 0
ok "a row for each set of participants" test "$(sed -n '/facts sharers/,/<.table>/p' "$work/nets/report.html" | grep -c '^<tr><th>n')" -eq \
    $(($(wc -l <"$work/nets/clusters/0.80/presence.csv") - 1))
cp "$table" "$work/kept"
sed '2s/,x*[^,]*,\([^,]*,[^,]*,[^,]*\)$/,x,\1/; 2s/,[^,]*\(,[^,]*,[^,]*,[^,]*,[^,]*\)$/,x\1/' "$work/kept" >"$table"
fails 1 'overlap.csv: line 2: ' report "$work/nets"
mv "$work/kept" "$table"
cp "$all" "$work/kept"
sed '2s/,[^,]*$/,x/' "$work/kept" >"$all"
fails 1 'categories.csv: line 2: ' report "$work/nets"
awk -F, 'BEGIN { OFS = "," } NR == 2 { $6 = $4; $9 = 0.001 } { print }' "$work/kept" >"$all"
run "a category beyond chance" report "$work/nets"
ok "is named" grep -q '^<li><b>[1-9]*</b> are a category.*: clusters 1, kind:[a-z]* ([a-z]*, \([0-9]*\) of \1 units)' "$work/nets/report.html"
mv "$work/kept" "$all"

# ---- groups of participants ----
run "groups" sdc cluster "$work/nets" --out "$work/grouped" --eps 0.8 --min-others 1 $plain --group odd=n3,n1 --group five=n5 \
    --run "$work/run" --layer layer3.0.relu
groups=$work/grouped/clusters/0.80/groups.csv
ok "a row for each cluster and group" test "$(wc -l <"$groups")" -eq $((2 * ($(wc -l <"$work/grouped/clusters/0.80/clusters.csv") - 1) + 1))
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    { a = $at["voxels_n3"]; b = $at["voxels_n1"]; c = $at["voxels_n5"]
      printf "%d,odd,2,%d,%d\n%d,five,1,%d,%d\n", $1, (a > 0) + (b > 0), a + b, $1, (c > 0), c }' \
    "$work/grouped/clusters/0.80/clusters.csv" >"$work/want"
sed 1d "$groups" >"$work/have"
ok "their members counted" cmp "$work/want" "$work/have"
ok "on the page" grep -q '<h3>Which groups share them?</h3>' "$work/grouped/report.html"
sed '2s/,[^,]*$/,-1/' "$groups" >"$work/kept" && mv "$work/kept" "$groups"
fails 1 'groups.csv: line 2: ' report "$work/grouped"
run "without groups and localizer" sdc cluster "$work/nets" --out "$work/grouped" --eps 0.8 --min-others 1 $plain --force
ok "no table of them is left" test -z "$(ls "$work/grouped/clusters/0.80" | grep 'groups\|categories\|overlap')"
for bad in odd =n3 odd= odd=n3, odd=n7; do
    fails 1 "--group" sdc cluster "$work/nets" --out "$work/grouped" --eps 0.8 --min-others 1 $plain --group "$bad"
done
fails 1 "'n3' is in two places of the groups" sdc cluster "$work/nets" --out "$work/grouped" --eps 0.8 $plain --group a=n3,n1 --group b=n3
fails 1 "'a' is given twice" sdc cluster "$work/nets" --out "$work/grouped" --eps 0.8 $plain --group a=n3 --group a=n1
for want in networks:2 networks:3; do
    run "$want required" sdc cluster "$work/nets" --out "$work/required" --eps 0.8 --require $want $plain
    cp "$work/required/clusters/0.80/n5_labels.npy" "$work/$want.npy"
done
run "two others" sdc cluster "$work/nets" --out "$work/required" --eps 0.8 --min-others 2 $plain
ok "three networks: two others" cmp "$work/networks:3.npy" "$work/required/clusters/0.80/n5_labels.npy"
run "one other" sdc cluster "$work/nets" --out "$work/required" --eps 0.8 --min-others 1 $plain
ok "two networks: one other" cmp "$work/networks:2.npy" "$work/required/clusters/0.80/n5_labels.npy"
run "a person required" sdc cluster "$work/nets" --out "$work/required" --eps 0.8 --require people:1,networks:2 $plain
cp "$work/stderr" "$work/said"
ok "there is none" grep -q "0 people: 1 are required" "$work/said"
fails 2 "--require: 'networks:0' found" sdc cluster "$work/nets" --eps 0.8 $plain --require networks:0
fails 2 "--require: 'people:1,' found" sdc cluster "$work/nets" --eps 0.8 $plain --require people:1,
fails 2 '--require asks for a folder of a fit' sdc cluster $four --out "$work/required" --eps 0.8 $plain --require people:3
fails 2 '--run DIR and --layer LAYER go together' sdc cluster "$work/nets" --eps 0.8 $plain --run "$work/run"
fails 1 "no model of a participant's name with a layer fc" sdc cluster "$work/nets" --eps 0.8 --min-others 1 $plain --run "$work/run" --layer fc

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
