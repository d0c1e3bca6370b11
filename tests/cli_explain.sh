#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform explain: 20 units against NumPy and SciPy (tests/golden/explain.py), by every rule of selectivity; from the files of
# --units full, and where weights and pictures are elsewhere; what is wrong. usage: tests/cli_explain.sh
. tests/shell.sh
golden=tests/golden/explain_units.tsv
one="--threads 1" # an idle second thread costs more than these small sets
layers="--model demo:vision --layers layer3.1.relu,avgpool --checkpoint 3600 $one"

# ---- against NumPy and SciPy ----

# near CASE LAYER UNIT: every number of the golden table is in $work/unit.csv, within 1e-9
near() {
    awk -F'\t' -v key="$1	$2	$3" -v csv="$work/unit.csv" '
    BEGIN {
        while ((getline line <csv) > 0) {
            sub(/,"[^"]*",/, ",", line) # the section
            split(line, part, ",")
            value[part[1] "," part[2] "," part[3] "," part[4]] = part[6]
            n_rows++
        }
    }
    $1 "\t" $2 "\t" $3 == key {
        name = $4 "," $5 "," $6 "," $7
        n++
        d = value[name] - $8
        size = $8 < 0 ? -$8 : $8
        if (!(name in value) || (value[name] == "") != ($8 == "nan") || d * d > 1e-18 * size * size + 1e-36) {
            print name ": " value[name] " found, " $8 " expected"
            wrong++
        }
    }
    END { exit wrong || n < 18 || n_rows < n }' "$golden"
}

ok "pictures" $program stimuli generate --per-category 12 --size 64 -o "$work/pictures"
for part in "face adult 5" "face child 5" "place house 6" "word word 8"; do
    echo "$part" | while read -r category sub n; do
        i=0
        while [ $((i += 1)) -le "$n" ]; do printf 'pictures/%s/%s-%d.png\t%s\t%s\n' "$sub" "$sub" $i "$category" "$sub"; done
    done
done >"$work/list.tsv"
list="--stimuli $work/list.tsv"
run "equal" run $layers --stimuli 'builtin?per_category=6&side=64' --out "$work/equal"
run "unequal" run $layers $list --out "$work/unequal"
run "welch" run $layers $list --test welch --correction by --units full --out "$work/welch"
run "student" run $layers $list --test student --correction bonferroni --out "$work/student"
for rule in prince tdann afraz baek; do run "$rule" run $layers $list --preset $rule --out "$work/$rule"; done
mv "$work/afraz" "$work/dprime" && mv "$work/baek" "$work/ranksum"
run "ratio" run $layers $list --criterion ratio --out "$work/ratio"
cut -f1-3 $golden | uniq >"$work/units"
ok "20 units" test "$(wc -l <"$work/units")" -eq 20
while read -r case layer unit; do
    where=$list
    test "$case" = equal && where=
    run "$case $unit" explain "$work/$case" vision "$layer" "$unit" $where $one --csv "$work/unit.csv"
    grep -q "^Agrees with the run's files: " "$work/stdout" || { failed=$((failed + 1)) && echo "FAILED: $case $unit does not agree"; }
    ok "$case $unit, by NumPy and SciPy" near "$case" "$layer" "$unit"
done <"$work/units"

# ---- as many threads as there are, or one: the same responses ----
run "one thread" explain "$work/unequal" vision avgpool 205 $list --csv "$work/one.csv" $one
run "three threads" explain "$work/unequal" vision avgpool 205 $list --csv "$work/three.csv" --threads 3
ok "the same bytes" cmp "$work/one.csv" "$work/three.csv"
ok "a response to each picture" test "$(grep -c '^responses,' "$work/one.csv")" -eq 24

# ---- sections, and what the text says ----
ok "every section is in METHOD.md" sh -c 'cut -d\" -f2 "$1" | sed 1d | sort -u | while read -r title; do grep -qx "#* $title" METHOD.md || exit 1; done' sh "$work/unit.csv"
run "a unit" explain "$work/unequal" vision layer3.1.relu 45,3,1 $list $one
says 'channel 45 of 256, row 3 of 4, column 1 of 4, all from 0; one of 4096 units'
says '\(METHOD.md, "Skewed responses and unequal numbers"\)'
says '^   Sorted from the smallest, its p is number [0-9]+ of n = 4096\.$'
says 'so do all labels of the layer\.$'
run "another category" explain "$work/unequal" vision layer3.1.relu 45,3,1 $list --category word $one
says 'tested here for word|responds most to'
says '^3\. word against each other category'
run "a channel alone" explain "$work/unequal" vision avgpool 205 $list $one
says '[01] of 1 channels|of 256 channels are selective for [a-z]+: P = 0\.'

# ---- from the files alone ----
run "from the files" explain "$work/welch" vision layer3.1.relu 45,3,1 $one
cp "$work/stdout" "$work/files"
says "^selective for [a-z]+|^not selective"
says "Numbers from the run's files, of 7 digits"
says "^Agrees with the run's files: "
run "from the network" explain "$work/welch" vision layer3.1.relu 45,3,1 $list $one
decision() { sed -n 's/^ *\(q = .*\|p = .*\|At row .*\|d. = .*\)$/\1/p' "$1"; }
decision "$work/files" >"$work/here"
decision "$work/stdout" >"$work/there"
ok "the same decision, to the printed digits" cmp "$work/here" "$work/there"
run "drawn pictures need no --stimuli" explain "$work/equal" vision avgpool 107 --csv - $one
says '^step,section,quantity,category,rival,picture,value$'
says '^responses,"Units and their moments",response,face,,builtin/face/adult-001,[0-9.]+$'

# ---- the report has the command of each of its single units ----
command=$(grep -o 'fusiform explain \. vision [a-z0-9.]* [0-9,]*' "$work/equal/report.html" | head -n 1)
ok "a command" test -n "$command"
run "pasted" explain "$work/equal" ${command#fusiform explain .} $one
says '^selective for [a-z]+'

# ---- the permutation test ----
run "relabelled" run $layers $list --test permutation --permutations 199 --correction none --units full --out "$work/relabelled"
run "from the network" explain "$work/relabelled" vision avgpool 205 $list $one
says '\(METHOD.md, "The permutation test"\)'
says 'so do all labels of the layer\.$'
run "from the files" explain "$work/relabelled" vision avgpool 205 $one
says "from the file; least t"

# ---- numbers of 8 bits' precision ----
run "bf16" run $layers $list --precision bf16 --units full --out "$work/bf16"
run "as the run" explain "$work/bf16" vision avgpool 205 $list $one
says 'so do all labels of the layer\.$'

# ---- elsewhere ----
small=random:cifar_resnet8?seed=1
ok "a file" $program convert $small -o "$work/a.safetensors"
run "a run of files" run --model a="$work/a.safetensors" --model b=$small --model "it's c=demo:vision" --layers layer3.0.relu --stimuli "$work/pictures" --categories 'face=adult,child;place=house' \
    --scrambled auto --permutations 20 $one --out "$work/moved"
ok "a name in quotes" grep -qE "^(<.*>)?fusiform explain [.] ('|&#39;|&apos;)it('|&#39;|&apos;).('|&#39;|&apos;)('|&#39;|&apos;)s c('|&#39;|&apos;) layer3.0.relu [0-9,]+ --stimuli DIR$" "$work/moved/report.html"
mkdir "$work/elsewhere" && mv "$work/pictures" "$work/a.safetensors" "$work/elsewhere/"
run "moved" explain "$work/moved" a layer3.0.relu 1,2,3 --model "$work/elsewhere/a.safetensors" --stimuli "$work/elsewhere/pictures" $one
says 'from 20 relabellings'
says 'so do all labels of the layer\.$'
run "a network without a file" explain "$work/moved" b layer3.0.relu 1,2,3 --stimuli "$work/elsewhere/pictures" --threads 1
fails 1 'model a is a file (a.safetensors): --model FILE expected' explain "$work/moved" a layer3.0.relu 1,2,3
fails 1 '--stimuli DIR expected' explain "$work/moved" b layer3.0.relu 1,2,3
fails 1 'not the weights of model a in' explain "$work/moved" a layer3.0.relu 1,2,3 --model 'random:cifar_resnet8?seed=2' --stimuli "$work/elsewhere/pictures"
fails 1 'names the folder adult, which does not exist' explain "$work/moved" b layer3.0.relu 1,2,3 --stimuli "$work/elsewhere"
ok "another picture" cp "$work/elsewhere/pictures/adult/adult-2.png" "$work/elsewhere/pictures/adult/adult-1.png"
fails 1 'was shown other pictures: its 1. is adult/adult-1.png' explain "$work/moved" b layer3.0.relu 1,2,3 --stimuli "$work/elsewhere/pictures"

# ---- what is wrong ----
sixty=$(printf '%60s' '' | tr ' ' a)
fails 1 "no layer is called 'layer3.1.rel'; did you mean layer3.1.relu?; there are layer3.1.relu, avgpool" explain "$work/equal" vision layer3.1.rel 1,1,1
fails 1 "no layer is called '$sixty'; there are" explain "$work/equal" vision "$sixty" 1,1,1
fails 1 "no model is called 'visoin'; did you mean vision?" explain "$work/equal" visoin avgpool 1
fails 1 "no category is called 'fase'; did you mean face?" explain "$work/equal" vision avgpool 1 --category fase
fails 1 'has 256 channels of 4 x 4 places: unit 1,4,0 is not one of them' explain "$work/equal" vision layer3.1.relu 1,4,0
fails 1 'C,Y,X expected, 7 found' explain "$work/equal" vision layer3.1.relu 7
fails 2 "'1,2' found, C,Y,X such as" explain "$work/equal" vision layer3.1.relu 1,2
fails 2 'RUN MODEL LAYER C,Y,X expected, 3 operands found' explain "$work/equal" vision 1,2,3
fails 1 'not a finished run' explain "$work" vision avgpool 1
$program run $layers --stimuli 'builtin?per_category=6&side=64' --correction none --out "$work/other" >"$work/stdout" 2>&1
cp "$work/other/units/vision/layer3.1.relu.npz" "$work/equal/units/vision/"
$program explain "$work/equal" vision layer3.1.relu 41,0,3 $one >"$work/stdout" 2>"$work/said"
status=$?
says "^DISAGREES with the run's files in [0-9]+ of [0-9]+ numbers:$"
says 'labels of the layer \(units\): [0-9]+ here, 4096 there'
ok "labels of another run: status 1" test $status -eq 1
ok "and a line" grep -q "numbers of this unit are not those in its files: " "$work/said"
sed 's/"categories": \["/&none", "/' "$work/other/run.json" >"$work/json" && cp "$work/json" "$work/other/run.json"
fails 1 'run.json: its 6 categories are not those of its pictures (5)' explain "$work/other" vision avgpool 1
head -c 3000 "$work/welch/units/vision/avgpool.npz" >"$work/cut" && cp "$work/cut" "$work/welch/units/vision/avgpool.npz"
fails 1 'avgpool.npz: ' explain "$work/welch" vision avgpool 1
finish
