#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform sdc fit: files, wrong usage, wrong input, shards, interruption and resuming.
# usage: tests/cli_sdc_fit.sh     from the repository's root; FUSIFORM=program, RUN=emulator
. tests/shell.sh

study='--study tests/golden/sdc_study.tsv --embedding tests/golden/sdc_embedding.npy --min-nc none --test-images 5 --val-images 3
    --batch 8 --repeats 2'
small="$study --iterations 40 --reruns 2 --permutations 1 --halves"
digest() { (cd "$1" && find . ! -name sdc.log | LC_ALL=C sort | while IFS= read -r f; do [ -d "$f" ] && echo "$f" || sha256 "$f"; done | sha256); }
same() { [ "$(digest "$1")" = "$want" ]; }
check() { # check WHAT COMMAND...: one check that prints nothing by itself
    what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $what"
    fi
}

# ---- help and wrong usage ----
run "sdc --help" sdc --help
says '^example: fusiform sdc fit'
run "sdc fit --help" sdc fit --help
says '^usage: fusiform sdc fit --study'
fails 2 'a command is needed' sdc
fails 2 'did you mean fit?' sdc fitt
fails 2 '--study FILE or --responses NAME=FILE expected' sdc fit --embedding e.npy --out "$work/x"
fails 2 'not both' sdc fit --study s.tsv --responses a=b.npy --embedding e.npy --out "$work/x"
fails 2 '--embedding E.npy expected' sdc fit --study s.tsv --out "$work/x"
fails 2 '--out DIR expected' sdc fit --study s.tsv --embedding e.npy
fails 2 "--ridge: '10,1' found" sdc fit $study --out "$work/x" --ridge 10,1
fails 2 "--tail: '1.5' found" sdc fit $study --out "$work/x" --tail 1.5
fails 2 "--permutations: 'x' found" sdc fit $study --out "$work/x" --permutations x
fails 2 "--min-nc: 'some' found" sdc fit $study --out "$work/x" --min-nc some
fails 2 '--batch: 1 found' sdc fit $study --out "$work/x" --batch 1
fails 2 "--preset: 'efirt' found" sdc fit $study --out "$work/x" --preset efirt
fails 2 'one of the two expected' sdc fit $study --out "$work/x" --resume --force

# ---- wrong input ----
fails 1 'no/such.tsv' sdc fit --study no/such.tsv --embedding tests/golden/sdc_embedding.npy --out "$work/x"
fails 1 'no/such.npy' sdc fit --study tests/golden/sdc_study.tsv --embedding no/such.npy --out "$work/x"
fails 1 'NAME=FILE expected' sdc fit --responses a --embedding tests/golden/sdc_embedding.npy --out "$work/x"
fails 1 'needs' sdc fit $small --out "$work/x" --max-memory 1000
rm -rf "$work/x"

# ---- a fit ----
run "sdc fit" sdc fit $small --out "$work/whole"
says '^a	contrastive	[01]\.'
says '^c	ridge	'
says '^b	permuted	'
want=$(digest "$work/whole")
check "all files are there, nothing else is" [ "$(cd "$work/whole" && find . -type f ! -name '*_mask*' ! -name '*_space.txt' | LC_ALL=C sort | tr '\n' ' ')" = \
    "./decoders/a.npz ./decoders/a/even.npz ./decoders/a/odd.npz ./decoders/a/permuted-000.npz ./decoders/a/run-000.npz ./decoders/a/run-001.npz ./decoders/b.npz ./decoders/b/even.npz ./decoders/b/odd.npz ./decoders/b/permuted-000.npz ./decoders/b/run-000.npz ./decoders/b/run-001.npz ./decoders/c.npz ./decoders/c/even.npz ./decoders/c/odd.npz ./decoders/c/permuted-000.npz ./decoders/c/run-000.npz ./decoders/c/run-001.npz ./pool.npz ./report.html ./responses/a_test.npz ./responses/b_test.npz ./responses/c_test.npz ./scores.csv ./sdc.json ./sdc.log ./voxels/a.csv ./voxels/b.csv ./voxels/c.csv " ]
fails 1 'holds a fit that was finished' sdc fit $small --out "$work/whole"
run "a finished fit, resumed" sdc fit $small --out "$work/whole" --resume
check "is left as it is" same "$work/whole"
fails 1 'found, now' sdc fit $small --out "$work/whole" --resume --seed 2
run "anew" sdc fit $small --out "$work/whole" --force --threads 1
check "the same bytes on one thread" same "$work/whole"
run "participants from the command line" sdc fit --responses b=tests/golden/sdc_b.npy --trials b=tests/golden/sdc_b.tsv \
    --embedding tests/golden/sdc_embedding.npy --min-nc none --repeats 2 --test-images 5 --val-images 3 --batch 8 --iterations 3 --reruns 1 --ridge none --out "$work/line"
check "no ridge" [ "$(grep -c ridge "$work/line/scores.csv")" -eq 0 ]

# ---- networks as participants ----
run "pictures" stimuli generate --categories adult,car,house --per-category 8 --side 32 -o "$work/pictures"
{ printf 'image\tpath\n' && ls "$work/pictures"/*/*.png | awk '{ print NR - 1 "\t" $0 }'; } >"$work/images.tsv"
run "their embedding" embed --model 'random:cifar_resnet8?seed=2' "$work/pictures"/*/*.png -o "$work/e.npy"
network() { # network WHAT SPEC ARGUMENTS...
    printf 'participant\tresponses\ttrials\nnet\tmodel:%s\timages.tsv\n' "$2" >"$work/net.tsv"
    shift 2
    sdc_network="sdc fit --study $work/net.tsv --embedding $work/e.npy --out $work/net --force --test-images 4 --val-images 4 --batch 8
        --iterations 5 --reruns 1 $*"
}
network channels 'random:cifar_resnet8?seed=1@layer2.0.relu' --images "$work/images.tsv"
run "channels of a network" $sdc_network
says '^net	contrastive	'
network units 'random:cifar_resnet8?seed=1@layer2.0.relu?units=random:40' --images "$work/images.tsv"
run "some units of a network" $sdc_network
check "the network and its units in sdc.json" grep -q '{"name": "net", "layer": "layer2.0.relu", "units": "random:40"}' "$work/net/sdc.json"
check "40 units at most" [ "$(wc -l <"$work/net/voxels/net.csv")" -le 41 ]
network pictures 'random:cifar_resnet8?seed=1@layer2.0.relu'
fails 1 '--images IMAGES.tsv expected' $sdc_network
network units 'random:cifar_resnet8?seed=1@layer2.0.relu?units=some' --images "$work/images.tsv"
fails 1 "net: 'units=some' found" $sdc_network
network layer 'random:cifar_resnet8?seed=1@layer9' --images "$work/images.tsv"
fails 1 'layer9' $sdc_network

# ---- shards ----
for i in 1 2 3; do run "shard $i" sdc fit $small --out "$work/shards" --shard $i/3; done
check "no scores yet" [ ! -f "$work/shards/scores.csv" ]
fails 1 'holds a fit that was begun' sdc fit $small --out "$work/shards"
run "the shards, joined" sdc fit $small --out "$work/shards" --resume
check "are the whole" same "$work/shards"

# ---- killed and interrupted; so many steps that a signal comes before the end ----
long="$study --iterations 400 --reruns 2 --ridge none --checkpoint 0 --halves"
run "a longer fit" sdc fit $long --out "$work/long"
want=$(digest "$work/long")
for signal in KILL INT KILL; do
    $program sdc fit $long --out "$work/cut" --resume >"$work/stdout" 2>"$work/stderr" &
    pid=$!
    n=0
    while [ $n -lt 100 ] && [ -z "$(ls "$work/cut/parts" 2>/dev/null)" ]; do
        sleep 0.1
        n=$((n + 1))
    done
    kill -$signal $pid 2>/dev/null
    wait $pid 2>/dev/null
done
run "resumed after kill -9 and Ctrl-C" sdc fit $long --out "$work/cut" --resume
find "$work/cut" -name '*.tmp-*' -exec rm {} + # of kill -9
check "ends in the same bytes" same "$work/cut"
finish
