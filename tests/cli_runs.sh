#!/bin/sh
# SPDX-License-Identifier: MIT
# Where a run may write: what lies in --out is kept, unless --force replaces a run; weights, memory and time of a run.
# usage: tests/cli_runs.sh     FUSIFORM=program, RUN=emulator
. "$(dirname "$0")/shell.sh"

small='random:cifar_resnet8?seed=3'
run "pictures" stimuli generate --per-category 4 --size 32 -o "$work/set"
plain="run --model a=$small --layers layer3.0.relu --stimuli $work/set"
tree() { (cd "$1" && find . | LC_ALL=C sort && find . -type f | LC_ALL=C sort | xargs cat) | cksum; }
# keeps WORDS FOLDER ARGUMENTS...: refused with these words, and FOLDER is as it was
keeps() {
    words=$1 folder=$2
    shift 2
    before=$(tree "$folder")
    fails 1 "$words" "$@"
    ok "nothing changed in $folder" test "$(tree "$folder")" = "$before"
}

# ---- empty names ----
fails 2 "--out: an empty name found" $plain --out ''
fails 2 "--out: an empty name found" $plain --out=
fails 2 "--stimuli: an empty name found" run --model "a=$small" --stimuli '' --out "$work/o"
fails 2 "--model: an empty name found" run --model '' --out "$work/o"
fails 2 "-o: an empty name found" compare "$work/a" "$work/b" -o ''
fails 2 "--out: an empty name found" merge "$work/a" --out ''
fails 2 "an empty argument found" report ''
fails 2 "an empty argument found" merge '' --out "$work/o"
fails 2 "-o: an empty name found" image "$work/x.png" -o ''

# ---- a finished run ----
run "a run" $plain --out "$work/done"
keeps "done: holds a finished run: --force replaces it" "$work/done" $plain --out "$work/done"
keeps "done: holds a finished run: --force replaces it" "$work/done" $plain --alpha 0.01 --out "$work/done"
keeps "of other options, models or pictures" "$work/done" $plain --alpha 0.01 --resume --out "$work/done"
keeps "of other options, models or pictures" "$work/done" run --model "a=random:cifar_resnet8?seed=4" --layers layer3.0.relu \
    --stimuli "$work/set" --resume --out "$work/done"
before=$(tree "$work/done")
run "--resume of the run that is finished" $plain --resume --out "$work/done"
says 'finished before'
ok "nothing changed by it" test "$(tree "$work/done")" = "$before"
run "--force with other models and options" run --model "b=$small" --model "c=random:cifar_resnet8?seed=4" --layers relu,layer3.0.relu \
    --stimuli "$work/set" --sweep --out "$work/done" --force
ok "nothing of the first is left" sh -c '! grep -q "^a," "$1/layers.csv" && test ! -e "$1/units/a" && test -e "$1/sweep.csv"' sh "$work/done"
run "--force again" $plain --out "$work/done" --force
ok "nothing of the second is left" sh -c 'test ! -e "$1/sweep.csv" && test ! -e "$1/units/b" && test ! -e "$1/parts"' sh "$work/done"
run "the same into a new folder" $plain --out "$work/new"
ok "the same bytes" same_runs "$work/done" "$work/new"
fails 2 "one of them expected" $plain --resume --force --out "$work/done"
keeps "cannot be opened" "$work/done" run --model "$work/none.pth" --stimuli "$work/set" --force --out "$work/done"

# ---- a folder that is somebody's ----
mkdir "$work/own" && cp "$work/set/adult/adult-1.png" "$work/own/me.png"
keeps "own: holds me.png, which no run writes" "$work/own" $plain --out "$work/own"
keeps "own: holds me.png, which no run writes" "$work/own" $plain --out "$work/own" --force
mv "$work/own/me.png" "$work/own/layers.csv"
keeps "own: holds layers.csv, which no run writes" "$work/own" $plain --out "$work/own" --force
cp -r "$work/done" "$work/noted" && echo mine >"$work/noted/units/a/notes.txt"
keeps "noted: holds notes.txt, which no run writes" "$work/noted" $plain --out "$work/noted" --force
fails 1 "a folder expected, a file found" $plain --out "$work/own/layers.csv"
mkdir "$work/hollow" && : >"$work/hollow/.hidden"
run "an empty folder, hidden files aside" $plain --out "$work/hollow"

# ---- weights that change during a run ----
run "weights in a file" convert "$small" -o "$work/a.safetensors"
run "other weights" convert "random:cifar_resnet8?seed=4" -o "$work/b.safetensors"
find "$work/set" -name '*.png' | LC_ALL=C sort | awk -F / '{ for (i = 0; i < 30; i++) print $0 "\t" $(NF - 1) }' >"$work/many.tsv"
for mode in --low-memory "--batch 1" "--shard 1/2"; do
    cp "$work/a.safetensors" "$work/w.safetensors"
    $program run --model "w=$work/w.safetensors" --layers layer3.0.relu --stimuli "$work/many.tsv" --threads 1 $mode --out "$work/changed" \
        >"$work/stdout" 2>"$work/stderr" &
    pid=$!
    while [ ! -e "$work/changed/parts/run.tsv" ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    dd if="$work/b.safetensors" of="$work/w.safetensors" conv=notrunc 2>/dev/null
    wait $pid
    status=$? named=$(grep -c 'w.safetensors: changed while the run was at work: SHA-256' "$work/stderr")
    ok "weights that change are named ($mode)" test "$status$named" = 11
    ok "nothing of it is kept" test -z "$(find "$work/changed" -name 'decided-*' -o -name 'moments-*')"
    rm -rf "$work/changed"
done

# ---- an interrupted run ----
shard="$plain --shard 1/2"
run "what a shard leaves is an interrupted run" $shard --out "$work/half"
keeps "half: holds an interrupted run (0 layers decided on, 8 pictures shown to its models): --resume goes on with it" "$work/half" \
    $shard --out "$work/half"
run "--resume" $shard --out "$work/half" --resume
run "--force" $shard --out "$work/half" --force
run "the other shard" $plain --shard 2/2 --out "$work/half2"
fails 1 "half2: is read, so that it cannot be --out too" merge "$work/half" "$work/half2" --out "$work/half2" --force
run "merge" merge "$work/half" "$work/half2" --out "$work/merged"
ok "the bytes of one run" same_runs "$work/new" "$work/merged"
keeps "merged: holds a finished run: --force replaces it" "$work/merged" merge "$work/half" "$work/half2" --out "$work/merged"
run "merge --force" merge "$work/half" "$work/half2" --out "$work/merged" --force
ok "the bytes of one run again" same_runs "$work/new" "$work/merged"

# ---- the time of a run, and its end ----
sums() { # every phase has its line, none is negative, and they add up to the whole but for the rounding of each
    awk -F '\t' '$1 == "phase" { n++; sum += $3; low += $3 < -0.001 } $1 == "wall_s" { wall = $2 }
        END { d = sum - wall; exit !(n > 8 && !low && d < 0.001 * n && d > -0.001 * n) }' "$1"
}
ok "run.log accounts for all of its time" sums "$work/done/run.log"
# stops WHAT SECONDS ARGUMENTS...: SIGTERM after that time ends the command within a second and leaves nothing half-written
stops() {
    what=$1 wait=$2
    shift 2
    $program "$@" >"$work/stdout" 2>"$work/stderr" &
    pid=$!
    sleep "$wait"
    begin=$(now_ms)
    kill -TERM $pid 2>/dev/null
    wait $pid
    ok "SIGTERM: $what: status" test $? -ne 0
    ok "SIGTERM: $what: within a second" test $(($(now_ms) - begin)) -lt 2000
    ok "SIGTERM: $what: nothing half-written" test -z "$(find "$work" -name '*.tmp-*')"
}
stops "opening models" 0.3 run --model 'random:resnet152?seed=1' --out "$work/t1"
stops "drawing and checking pictures" 1 run --model "$small" --stimuli 'builtin?per_category=20000' --out "$work/t2"
stops "bootstrap" 1.5 run --model "$small" --stimuli "$work/set" --bootstrap 400000 --out "$work/t3"
stops "convert" 0.3 convert 'random:resnet152?seed=1' -o "$work/t4.safetensors"
stops "bench" 0.5 bench --model 'random:resnet50?seed=1' --rounds 50
stops "generate" 0.3 stimuli generate --per-category 20000 -o "$work/t5"

# ---- networks of other depth ----
deep='random:cifar_resnet14?seed=1'
run "two networks of other depth" run --model "a=$small" --model "b=$deep" --stimuli "$work/set" --correction none --bootstrap 5 --out "$work/deep"
pairs() { awk -F, -v layer_b="$2" 'NR > 1 { print $3 " " $(layer_b) }' "$1" | sort -u | tr '\n' ';'; }
expected='layer1.0.relu layer1.1.relu;layer2.0.relu layer2.1.relu;layer3.0.relu layer3.1.relu;relu relu;'
ok "layers are paired by depth" test "$(pairs "$work/deep/compare.csv" 27)" = "$expected"
ok "with intervals" grep -qE '^a,b,layer3.0.relu,word,[^,]*,([^,]*,){6}[-0-9.e]+,' "$work/deep/compare.csv"
run "the first alone" run --model "a=$small" --stimuli "$work/set" --correction none --out "$work/one"
run "the second alone" run --model "b=$deep" --stimuli "$work/set" --correction none --out "$work/two"
run "compare pairs them too" compare "$work/one" "$work/two" -o "$work/pairs.csv"
ok "the same pairs" test "$(pairs "$work/pairs.csv" 18)" = "$expected"
ok "depth and order" grep -qE '^b,layer2.0.relu,.*,0[.]5,6(,|$)' "$work/two/layers.csv"
ok "depth does not depend on --layers" grep -qE '^a,layer3.0.relu,.*,1,6(,|$)' "$work/done/layers.csv"

# ---- within the pictures ----
ln -s set "$work/link"
mkdir "$work/linked" && ln -s "$work/set/adult" "$work/linked/adult" && ln -s "$work/set/house" "$work/linked/house"
for out in set set/out set/adult/out link/new/out set/../set/out; do
    keeps "lies in the pictures' folder" "$work/set" $plain --out "$work/$out"
done
keeps "lies in the pictures' folder" "$work/set" run --model "a=$small" --stimuli "$work/linked" --out "$work/set/adult/out"
keeps "lies in the pictures' folder" "$work/set" run --model "a=$small" --stimuli "$work/link" --out "$work/set"

finish
