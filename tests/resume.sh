#!/bin/sh
# SPDX-License-Identifier: MIT
# A run that was killed goes on and ends in the bytes of one that nobody disturbed; so do the shards of a run, put together. And what is not of one run
# is named. usage: tests/resume.sh [KILLS]     kill -9 at that many random moments, two each (default 2 and fewer shards); FUSIFORM=program, RUN=emulator
program="${RUN:+$RUN }${FUSIFORM:-./fusiform}"
kills=${1:-2} cuts=${1:+1 2 }"3 7"
case $program in /*) ;; *) program=$PWD/$program ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
cd "$work" || exit 1

count() { # count WHAT STATUS: one check
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $1: $(tail -n 2 "$work/log")"
    fi
}
sha256=sha256sum
command -v sha256sum >/dev/null || sha256="shasum -a 256" # macOS
digest() {
    (cd "$1" && find . ! -name run.log ! -name . | LC_ALL=C sort &&
        find . -type f ! -name run.log | LC_ALL=C sort | tr '\n' '\0' | xargs -0 $sha256) | $sha256
}
now_ms() { # whole seconds where date knows no %N
    now=$(date +%s%N)
    case $now in *[!0-9]*) echo "$(date +%s)000" ;; *) echo $((now / 1000000)) ;; esac
}
same() { [ "$(digest "$1")" = "$want" ]; }
run() { $program run --model a='random:cifar_resnet8?seed=3' --model b='random:cifar_resnet8?seed=1' --stimuli set --threads 1 "$@" >log 2>&1; }
fails() { # fails WHAT WORDS COMMAND...: status 1 and WORDS in its one line beside progress and warnings
    what=$1 words=$2
    shift 2
    "$@" >log 2>&1
    [ $? -eq 1 ] && grep '^fusiform: ' log | grep -v '^fusiform: warning: ' >lines && [ "$(wc -l <lines)" -eq 1 ] && grep -qF -- "$words" lines
    count "$what ('$words')" $?
}
merge() { rm -rf merged && $program merge "$@" --threads 1 --out merged; }

# 33 + 4 + 4 pictures: four parts
$program stimuli generate --per-category 66 --size 32 -o drawn >log 2>&1 || { cat log; exit 1; }
mkdir -p set/house set/word && mv drawn/adult set && mv drawn/house/house-[1-4].png set/house && mv drawn/word/word-[1-4].png set/word && rm -r drawn
every='--layers layer3.0.relu1,layer3.0.relu --preset prince --bootstrap 2 --permutations 2 --sweep --consistency'

# ---- killed at random moments, twice each ----
begin=$(now_ms)
run --out whole $every --checkpoint 0
count "a run" $?
took=$(($(now_ms) - begin))
want=$(digest whole)
moment() { awk -v seed="$1" -v most="$took" 'BEGIN { srand(seed); rand(); rand(); printf "%.3f", rand() * 0.9 * most / 1000 }'; }
killed=0
for k in $(seq "$kills"); do
    for turn in 1 2; do
        $program run --model a='random:cifar_resnet8?seed=3' --model b='random:cifar_resnet8?seed=1' --stimuli set --out killed $every \
            --threads 1 --checkpoint 0 --resume $([ $turn = 1 ] || echo --max-memory 1M) >log 2>&1 &
        pid=$!
        sleep "$(moment "$k$turn")"
        kill -9 $pid 2>/dev/null && killed=$((killed + 1))
        wait $pid 2>/dev/null
    done
    run --out killed $every --resume --threads $((k % 3 + 1))
    count "go on after kill $k" $?
    same killed
    count "the same bytes after kill $k ($(diff -rq whole killed | head -n 3))" $?
    rm -rf killed
done
echo "$killed kills of processes at work"

# ---- shards ----
part() { # part I N OPTION...: into I-of-N
    i=$1 n=$2
    shift 2
    run --out "$i-of-$n" --shard "$i/$n" "$@"
}
for n in $cuts; do
    for i in $(seq $n); do
        part "$i" $n $every $([ $n != 3 ] || echo --max-memory 1M --batch 7) || count "shard $i of $n" 1
    done
    merge [1-7]-of-$n $([ $n != 2 ] || echo --max-memory 1M) >log 2>&1
    count "merge $n" $?
    same merged
    count "the same bytes from $n ($(diff -rq whole merged | head -n 3))" $?
done
fails "a lost shard" "shard 2 of 3 is missing" merge 1-of-3 3-of-3
fails "a doubled shard" "1-of-3 and 1-of-3 are both shard 1 of 3" merge 1-of-3 1-of-3 2-of-3
fails "shards of different cuts" "2-of-7 is shard 2 of 7: they are not of one run" merge 1-of-3 2-of-7
fails "no shard" "whole: not a shard: whole/parts/run.tsv: " merge 1-of-3 whole
cp -r 3-of-3 other && sed 's/bootstrap	2/bootstrap	4/' 3-of-3/parts/run.tsv >other/parts/run.tsv
fails "a shard with another option" "option --bootstrap: '4' found, '2' expected" merge 1-of-3 2-of-3 other
cp 3-of-3/parts/run.tsv other/parts && rm other/parts/1/moments-*
fails "a shard that is not finished" "other: shard 3 of 3 is not finished: layer3.0.relu1 of model b has not seen picture" merge 1-of-3 2-of-3 other
rm -r other && cp -r 3-of-3 other && piece=$(ls -d other/parts/0/moments-* | head -n 1)
printf 'x' | dd of="$piece" bs=1 seek=3000 conv=notrunc 2>dd.txt
fails "a shard that was changed" "$piece: not what was written (SHA-256)" merge 1-of-3 2-of-3 other
head -c 5000 "$piece" >cut && mv cut "$piece"
fails "a shard cut short" "$piece: 5000 bytes found" merge 1-of-3 2-of-3 other
cp 1-of-3/parts/0/moments-0-* other/parts/0 && rm "$piece"
fails "a piece of another shard" "it belongs to another run" merge 1-of-3 2-of-3 other
printf 'picture\n' >other/parts/run.tsv
fails "no provenance" "other/parts/run.tsv: line 1 is not what a run writes" merge 1-of-3 2-of-3 other

# ---- what does not go on ----
stop_one() { # a run that ends when its last picture, which it has no room to remember, vanishes behind the check
    rm -rf half && mv set/word/word-4.png kept.png && cp kept.png set/word/word-4.png
    $program run --model a='random:cifar_resnet8?seed=3' --model b='random:cifar_resnet8?seed=1' --stimuli set --out half --checkpoint 0 --threads 1 --max-memory 100K "$@" >log 2>&1 &
    while [ ! -e half/parts/run.tsv ] && kill -0 $! 2>/dev/null; do sleep 0.01; done
    rm set/word/word-4.png
    wait $!
    stopped=$?
    mv kept.png set/word/word-4.png
}
stop_one $every
if [ $stopped -eq 0 ]; then
    skipped=$((skipped + 1))
    echo "skipped: a picture that vanishes: the run was quicker"
else
    grep -q '^fusiform: set/word/word-4.png: cannot be opened' log
    count "a picture that vanishes is named" $?
fi
head -c 300 half/parts/0/moments-0-* >cut 2>/dev/null && mv cut "$(ls half/parts/0/moments-0-* | head -n 1)"
fails "other options" "option --alpha: '0.01' found, '0.050000000000000003' expected" run --out half --resume $every --alpha 0.01
cp set/word/word-4.png kept.png && cp set/word/word-3.png set/word/word-4.png
fails "a changed picture" "picture word-4.png: sha256 '" run --out half --resume $every
mv kept.png set/word/word-4.png
fails "another model" "model a: file 'random:cifar_resnet8?seed=4' found" $program run --model a='random:cifar_resnet8?seed=4' \
    --model b='random:cifar_resnet8?seed=1' --stimuli set --out half --resume $every
: >half/layers.csv.tmp-12345
run --out half --resume $every
count "go on beside a checkpoint cut short" $?
same half
count "the same bytes" $?

# ---- Ctrl-C: within a second, and what was counted is kept ----
find set -name '*.png' | LC_ALL=C sort | awk -F / '{ for (i = 0; i < 500; i++) print $0 "\t" $2 }' >many.tsv
$program run --model 'random:cifar_resnet20?seed=1' --layers avgpool --stimuli many.tsv --batch 1 --threads 1 --out stopped >log 2>&1 &
pid=$!
while [ ! -e stopped/parts/run.tsv ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
sleep 3 # a stop saves what took longer than a second to count; a busy machine begins to count late
begin=$(now_ms)
kill -INT $pid
wait $pid
status=$?
took=$(($(now_ms) - begin))
[ $status -eq 1 ] && grep -q '^fusiform: stopped: --resume goes on: stopped at picture ' log
count "Ctrl-C: status $status" $?
[ $took -lt 2500 ]
count "Ctrl-C took $took ms" $?
ls stopped/parts/0/moments-0-* >log 2>&1
count "Ctrl-C keeps what was counted" $?
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
