#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform sdc cluster --rois: clusters against themselves as regions, tables of names, what it refuses.
# usage: tests/cli_sdc_rois.sh     FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
golden=$PWD/tests/golden
plain='--eps 0.4 --null none --stability 0 --compare none --expand none --force'
out=$work/fit/clusters/0.40

run "a fit" sdc fit --study "$golden/sdc_study.tsv" --embedding "$golden/sdc_embedding.npy" --min-nc none --test-images 5 --val-images 3 \
    --batch 8 --repeats 2 --iterations 40 --reruns 1 --ridge none --out "$work/fit"
run "its clusters" sdc cluster "$work/fit" $plain
mkdir "$work/kept"
cp "$out"/*_labels.* "$out/labels.ctab" "$work/kept/"

# ---- the clusters as regions of themselves ----
printf '2\tfaces\n1 places 10 20 30 0\n# a comment\n\n0 none 0 0 0 0\n' >"$work/kept/a_labels.ctab"
printf 'participant\tresponses\trois\n' >"$work/head"
study() { # study ROIS-OF-A ROIS-OF-C
    { cat "$work/head" && printf 'a\tx.nii\t%s\nb\tx.npy\t-\nc\tx.mgh\t%s\n' "$1" "$2"; } >"$work/kept/rois.tsv"
}
regions="sdc cluster $work/fit $plain --rois $work/kept/rois.tsv"
study 'own=a_labels.nii' 'own=c_lh_labels.mgh:labels.ctab;mask=c_lh_labels.mgh;own=c_rh_labels.mgh;mask=c_rh_labels.mgh'
run "regions" $regions
ok "columns" grep -q '^cluster,participant,set,roi,name,n_voxels,n_roi,n_both,share_cluster,share_roi,dice,log_odds$' "$out/rois.csv"
ok "every cluster is its own region" test "$(awk -F, '$3 == "own" && $1 == $4 && $6 == $7 && $7 == $8 && $9 == 1 && $10 == 1 && $11 == 1' "$out/rois.csv" | wc -l)" -eq \
    "$(awk -F, '$3 == "own"' "$out/rois.csv" | wc -l)"
ok "there are some, in both" test "$(cut -d, -f2 "$out/rois.csv" | sort -u | tr '\n' ' ')" = "a c participant "
ok "a name from the table beside the image" grep -q '^1,a,own,1,places,' "$out/rois.csv"
ok "a name from the table that was named" grep -q '^1,c,own,1,sdc-1,' "$out/rois.csv"
ok "no name" grep -q '^1,c,mask,1,,' "$out/rois.csv"
ok "the page shows them" grep -q 'In which regions?' "$work/fit/report.html"
ok "by name" grep -q 'own: places' "$work/fit/report.html"
ok "or number" grep -q 'mask: 1<' "$work/fit/report.html"
cp "$work/fit/report.html" "$work/page.html"
run "the page again" report "$work/fit"
ok "is the same" cmp "$work/page.html" "$work/fit/report.html"
cp "$out/rois.csv" "$work/rois.csv"
for change in '2s/^1/99/' '2s/,a,/,z,/' '2s/,a,own,1,places,[0-9]*,[0-9]*,[0-9]*/,a,own,1,places,1,1,999/' '1s/name/nome/'; do
    sed "$change" "$work/rois.csv" >"$out/rois.csv"
    fails 1 'rois.csv: ' report "$work/fit"
done
printf 'name\tindex\tcolor\nvisual word form\t1\t#aa00ff\n' >"$work/kept/a_labels.tsv"
rm "$work/kept/a_labels.ctab"
run "names of BIDS" $regions
ok "of several words" grep -q '^1,a,own,1,visual word form,' "$out/rois.csv"
cp "$work/kept/labels.ctab" "$work/kept/a_labels.nii.ctab"
run "a table with the image's whole name" $regions
ok "comes first" grep -q '^1,a,own,1,sdc-1,' "$out/rois.csv"
cp "$work/kept/a_labels.nii" "$work/kept/b:c.nii"
study 'own=b:c.nii;deep=b:c.nii:labels.ctab' -
run "a colon in the file's name" $regions
ok "is part of it" grep -q '^1,a,deep,1,sdc-1,' "$out/rois.csv"

# Labels at the 25 places of c, as NSD has them: below 0 is no region.
{ printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '|i1', 'fortran_order': False, 'shape': (1, 25), }"
    printf '\377\377\377\377\377\377\377\377\377\377\377\377\000\000\000\000\002\002\002\002\002\002\002\002\002'; } >"$work/kept/nsd.npy"
study - 'nsd=nsd.npy'
run "labels below 0" $regions
ok "are no region" test "$(cut -d, -f3,4 "$out/rois.csv" | sort -u | tr '\n' ' ')" = "nsd,2 set,roi "

# ---- what it refuses, before anything is replaced ----
names() { # names WORDS TEXT [ENDING]: a table of names
    printf "$2" >"$work/kept/n.${3:-ctab}"
    study "own=a_labels.nii:n.${3:-ctab}" -
    fails 1 "$1" $regions
}
names "n.ctab: line 2: 'V1 1 2' found, NUMBER NAME" '1 V2\nV1 1 2\n'
names "n.ctab: line 1: 'V1' found, a region's whole number" 'V1 1\n'
names "n.ctab: line 1: '-1' found, a region's whole number" '\055\061 V1\n'
names "n.ctab: line 1: '99999999999' found" '99999999999 V1\n'
names "n.ctab: line 2: '2 V2 300 0 0 0' found" '1 V1\n2 V2 300 0 0 0\n'
names "n.ctab: line 1: '1 V1 ventral' found" '1 V1 ventral\n'
names 'n.ctab: line 3: region 1 found again, it is V1 in line 1' '1 V1\n2 V2\n1 V3\n'
names 'n.ctab: no name found' '# nothing\n'
names 'n.ctab: holds zero bytes' '1 V1\n\000\n'
names 'n.ctab: line 1: ' "1 $(printf '%0120d' 7)\n"
names 'n.tsv: line 1: no column name found, index and name expected' 'index\tlabel\n1\tV1\n' tsv
names "n.tsv: line 2: '' found, a name of 1 to 100 bytes expected" 'index\tname\n1\t\n' tsv
names "n.tsv: line 3: 'x' found, a region's whole number" 'index\tname\n1\tV1\nx\tV2\n' tsv
names 'n.tsv: line 2: more than 2 fields' 'index\tname\n1\tV1\tV2\n' tsv
study 'own=a_labels.nii:none.ctab' -
fails 1 'none.ctab: cannot be opened' $regions
study 'own=a_labels.nii:labels.ctab;own=a_labels.nii:n.tsv' -
fails 1 'a_labels.nii: ' $regions
study 'own=c_lh_labels.mgh' -
fails 1 'participant a: ' $regions
study - 'own=c_lh_labels.mgh'
fails 1 'c_lh_labels.mgh: 11 voxels found, the responses have 25: another grid?' $regions
study "own=$golden/sdc_a_session2.nii.gz" -
fails 1 'sdc_a_session2.nii.gz: 48 volumes found, one of labels expected' $regions
study - 'own=c_lh_labels.mgh:labels.ctab;own=c_rh_labels.mgh:n.tsv'
fails 1 'own has the names' $regions
head -c 200 "$work/kept/a_labels.nii" >"$work/kept/short.nii"
study 'own=short.nii' -
fails 1 'participant a: ' $regions
for text in own =x.nii own= ';own=a_labels.nii'; do
    study "$text" -
    fails 1 'SET=FILE or SET=FILE:NAMES expected' $regions
done
ok "the clusters are still there" test -s "$out/clusters.csv" -a -s "$out/rois.csv"

# ---- names of clusters in the colour table ----
ok "clusters without labels have numbers" grep -q '^  1  sdc-1  *[0-9]* *[0-9]* *[0-9]* *0$' "$work/kept/labels.ctab"
awk 'BEGIN { print "image\tkind"; for (i = 0; i < 100; i++) print i "\t" (i % 2 ? "an odd one" : "even") }' >"$work/images.tsv"
run "images with labels" sdc cluster "$work/fit" $plain --images "$work/images.tsv"
ok "labels are names" grep -Eq '^  1  sdc-1-kind:(an-odd-one|even)  *[0-9]* *[0-9]* *[0-9]* *0$' "$out/labels.ctab"

# ---- a call that fails keeps what is there, and what is not this program's stays ----
tables() { (cd "$1" && find . -type f ! -name cluster.log | LC_ALL=C sort | while IFS= read -r f; do sha256 "$f"; done | sha256); }
want=$(tables "$work/fit/clusters")
(ulimit -f 0 && exec $program sdc cluster "$work/fit" $plain --eps 0.3,0.4 2>&1 >/dev/null) | cat >"$work/said"
ok "a full disk fails" grep -q 'cannot be written' "$work/said"
ok "and keeps the clusters" test "$(tables "$work/fit/clusters")" = "$want"
ok "without the new ones" test ! -e "$work/fit/clusters.new"
echo mine >"$out/notes.txt"
mkdir -p "$work/fit/clusters.new/0.40" && echo half >"$work/fit/clusters.new/0.40/a_labels.npy.tmp-1"
run "again" sdc cluster "$work/fit" $plain --images "$work/images.tsv"
ok "a file of another kind stays" grep -q mine "$out/notes.txt"
rm "$out/notes.txt"
ok "nothing of a killed call" test ! -e "$out/a_labels.npy.tmp-1" -a ! -e "$work/fit/clusters.new"
ok "beside the same clusters" test "$(tables "$work/fit/clusters")" = "$want"

# ---- the study of the fit itself ----
fails 1 'sdc_study.tsv: no participant has rois' sdc cluster "$work/fit" $plain --rois
awk -F'\t' -v at="$golden/" -v rois="nsd=$work/kept/nsd.npy" 'BEGIN { OFS = FS } NR < 3 { print; next }
    { gsub(/sdc_[abc]/, at "&", $2); $3 = at $3; $4 = $1 == "a" ? at $4 : "-"; $5 = $1 == "c" ? rois : "-"; $6 = $1 == "a" ? "1-2" : "-"; print }' \
    "$golden/sdc_study.tsv" >"$work/own.tsv"
run "a fit of a study with regions" sdc fit --study "$work/own.tsv" --embedding "$golden/sdc_embedding.npy" --min-nc none --test-images 5 \
    --val-images 3 --batch 8 --repeats 2 --iterations 40 --reruns 1 --ridge none --out "$work/own"
run "its regions, --rois before another option" sdc cluster --rois "$work/own" $plain
cp "$work/own/clusters/0.40/rois.csv" "$work/rois.csv"
ok "are those of --rois STUDY" grep -q ',c,nsd,2,' "$work/rois.csv"
run "--rois before an option" sdc cluster "$work/own" --rois $plain
ok "the same" cmp "$work/rois.csv" "$work/own/clusters/0.40/rois.csv"
run "--rois STUDY" sdc cluster "$work/own" --rois "$work/own.tsv" $plain
ok "the same" cmp "$work/rois.csv" "$work/own/clusters/0.40/rois.csv"
fails 2 '--rois asks for a folder of a fit' sdc cluster --vectors a=w.npy --vectors b=w.npy --out "$work/x" --rois
sed -i.old '/^study/d' "$work/own/sdc.log"
fails 1 'sdc.log: names no study; --rois STUDY.tsv expected' sdc cluster "$work/own" $plain --rois
finish
