#!/bin/sh
# SPDX-License-Identifier: MIT
# The same bytes everywhere: runs small networks with every kernel row, several thread counts, batches and memory limits
# and compares the SHA-256 of the whole run directories (run.log aside).
#
# usage: tests/hash.sh [PROGRAM...]     programs (other compilers, flags, machines) beside $FUSIFORM; quick=1: small networks only;
#                                       once=1: each program once, in the default way;
#                                       small=1: so, with one small run and what reads and writes files, for emulators
#        JOBS=1                         one run at a time (default: one on each processor)
#        RUN_1="qemu-aarch64 -L ..."    runs the first of them under an emulator, RUN_2 the second, ...
program=${FUSIFORM:-./fusiform}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
golden=$(cd "$(dirname "$0")/golden" && pwd)
passed=0 failed=0 skipped=0 n=0

# What all runs have in common: names and folders are part of the result.
run_all() { # run_all FOLDER COMMAND...
    folder=$1
    shift
    mkdir -p "$folder" && cd "$folder" || return 1
    [ -z "$small" ] || { run_small "$@" >log 2>&1; return; }
    "$@" run --model small='random:cifar_resnet8?seed=3' --model other='random:cifar_resnet14?seed=1' \
        --stimuli 'builtin?per_category=6&seed=2' --units full $options --out out >log 2>&1 &&
        "$@" run --model small='random:cifar_resnet8?seed=3' --model other='random:cifar_resnet8?seed=1' --layers relu,layer3.0.relu \
            --stimuli 'builtin?per_category=4' --correction none --halves option --categories "face=adult,child;body=body,limb;place=house,corridor;word=word,number;scrambled=scrambled" --bootstrap 4 --permutations 3 --sweep --consistency $options --out out/every >>log 2>&1 &&
        "$@" run --model small='random:cifar_resnet8?seed=3' --layers relu --stimuli 'builtin?per_category=6&seed=2' --criterion ratio --bootstrap 9 \
            --interval bca --permutations 9 $options --out out/ratio >>log 2>&1 &&
        "$@" lesion --model 'random:cifar_resnet8?seed=3' --run out/ratio --layer relu --category face --stimuli 'builtin?per_category=6&seed=2' \
            --controls 3 --readout both ${options#--max-memory 1M} -o out/lesion.csv >>log 2>&1 &&
        eight_bits "$@" >>log 2>&1 && transformer "$@" >>log 2>&1 && in_parts "$@" >>log 2>&1 && pictures "$@" >>log 2>&1 && learn "$@" >>log 2>&1 && demo "$@" >>log 2>&1 && texts "$@" >>log 2>&1 && concepts "$@" >>log 2>&1 && decoders "$@" >>log 2>&1 && { [ -n "$quick" ] || "$@" run --model 'random:resnet18?seed=1' --stimuli 'builtin?per_category=2' \
            --layers relu,layer1.0.relu1,layer4.1.relu $options --out out/deep >>log 2>&1 &&
        "$@" sdc demo --small --participants 3 --iterations 4 ${learn_options##--max-memory*} --out out/planted >>log 2>&1 && rm out/planted/sdc.log out/planted/clusters*/cluster.log; }
}

# Small drawn pictures, a run over them whole and in shards, decoders, a Fourier transform, weights written and read again.
run_small() {
    model='random:cifar_resnet8?seed=3'
    run="--model small=$model --stimuli out/drawn --layers relu,layer3.0.relu --units full --correction none --bootstrap 4"
    "$@" stimuli generate --per-category 3 --size 32 -o out/drawn && "$@" run $run --out out/whole && eight_bits "$@" && transformer "$@" &&
        "$@" run $run --shard 1/2 --out shard-1 && "$@" run $run --shard 2/2 --out shard-2 &&
        "$@" merge shard-2 shard-1 --out merged && same_files out/whole merged && pictures "$@" &&
        "$@" stimuli scramble --method phase --seed 1 "$golden/img_420_33x18.jpg" -o out/phase.png &&
        "$@" convert "$model" -o out/small.safetensors && "$@" convert out/small.safetensors --dtype f16 -o out/half.safetensors &&
        "$@" inspect --sha256 out/half.safetensors >out/half.tsv &&
        "$@" activations --model out/small.safetensors --layer all "$golden/img_420_33x18.jpg" -o out/all.npz && learn "$@" && demo "$@" && texts "$@" && concepts "$@" && decoders "$@"
}

# Products of bf16 numbers: a residual network, a vision transformer, one of CLIP's kind, a text tower.
eight_bits() {
    "$@" run --model small='random:cifar_resnet8?seed=3' --model vit='random:vit?input=28&patch=14&blocks=1&seed=1' --precision bf16 \
        --stimuli 'builtin?per_category=2&seed=2' --units full ${options#--max-memory 1M} --out out/bf16 &&
        "$@" run --model clip='random:clip_resnet?blocks=1,1,1&width=4&input=32&embed=8&seed=1' --precision bf16 \
            --stimuli 'builtin?per_category=2&seed=2' ${options#--max-memory 1M} --out out/bf16_clip && texts_in bf16 "$@"
}

# CLIP's kind and a plain one; responses with a sign.
transformer() {
    "$@" run --model clip='random:clip_vit?input=32&patch=8&blocks=1&seed=1' --model vit='random:vit?input=28&patch=14&blocks=1&seed=1' \
        --layers tokens,blocks.0,blocks.0.mlp,ln_post --stimuli 'builtin?per_category=2&seed=2' --units full ${options#--max-memory 1M} --out out/vit
}

# More than 32 pictures a category are cut in parts; as two shards they give what one run gives.
in_parts() {
    pictures="--model random:cifar_resnet8?seed=3 --stimuli pictures --categories place=house,corridor;word=word"
    "$@" stimuli generate --per-category 34 --size 32 -o pictures && "$@" run $pictures $options --out out/cut &&
        "$@" run $pictures $options --shard 1/2 --out shard-1 && "$@" run $pictures $options --shard 2/2 --out shard-2 &&
        "$@" merge shard-2 shard-1 --out out/merged && same_files out/cut out/merged
}

# Two networks learn for an epoch: classes and captions by SGD; CLIP's kind against words by AdamW.
learn() {
    small='stem=3x3&block=basic&blocks=1,1,1&width=4&input=32'
    set='--stimuli builtin?per_category=12&seed=5&side=32&categories=adult,car,word'
    "$@" train --model "random:resnet?$small&seed=1" $set --epochs 1 --batch 11 --language lsa:4 ${learn_options-} --out out/learned &&
        "$@" train --model 'random:clip_resnet?blocks=1,1,1&width=4&input=32&embed=8' $set --epochs 1 --batch 11 --contrastive --optimiser adamw \
            ${learn_options-} --out out/contrasted && rm out/learned/train.log out/contrasted/train.log
}

# Networks that are part of the program.
demo() {
    "$@" run --model demo:lang --model demo:clip --stimuli 'builtin?per_category=2&seed=777' --layers relu,layer3.1.relu \
        ${options#--max-memory 1M} --out out/demo
}

# Decoders of responses in three formats, and their clusters.
decoders() {
    threads=${learn_options-}
    case $threads in *--max-memory*) threads= ;; esac
    "$@" sdc fit --study "$golden/sdc_study.tsv" --embedding "$golden/sdc_embedding.npy" --min-nc none --test-images 5 --val-images 3 --iterations 30 \
        --batch 8 --reruns 2 --repeats 2 --permutations 2 --halves ${learn_options-} --out out/sdc &&
        "$@" sdc cluster out/sdc --of both --eps 0.6 --null-replicates 3 --min-others 1 --stability 2 $threads && rm out/sdc/sdc.log out/sdc/clusters*/cluster.log
}

# The text tower of a small CLIP.
texts() { texts_in fp32 "$@"; }
texts_in() {
    precision=$1
    shift
    set -- "$@" embed --model "$golden/text_clip.safetensors" --vocab "$golden/tokens_merges.txt" --activation quickgelu
    threads=${learn_options-}
    "$@" --texts "$golden/text_list.txt" --precision "$precision" ${threads#--max-memory 64M} -o "out/texts_$precision.npy"
}

# Decoding and resizing have ways of their own for each instruction set.
pictures() {
    for name in extreme 420_33x18 grey_33x18 progressive_420; do
        "$@" image "$golden/img_$name.jpg" --preprocess torchvision -o "out/$name.npy" || return 1
    done
}

# Clusters of vectors, with what chance gives, in small and as a whole.
concepts() {
    vectors=
    for i in 0 1 2 3; do cp "$golden/sdc_w$i.npy" . && vectors="$vectors --vectors s$i=sdc_w$i.npy"; done
    "$@" sdc cluster $vectors --embedding sdc_w0.npy --min-others 2 --null-replicates 2 ${learn_options##--max-memory*} --out out/concepts &&
        rm out/concepts/clusters/cluster.log
}

sha256=sha256sum
command -v sha256sum >/dev/null || sha256="shasum -a 256" # macOS
each_digest() { (cd "$1" && find . -type f ! -name run.log | LC_ALL=C sort | tr '\n' '\0' | xargs -0 $sha256) }
same_files() { [ "$(each_digest "$1")" = "$(each_digest "$2")" ] || { echo "$1 and $2 differ"; return 1; }; }

# check NAME COMMAND...     with $options and the environment of the caller. Several processes go through the same checks; each check
# is done by the process that makes its folder.
check() {
    name=$1
    shift
    n=$((n + 1))
    mkdir "$work/$n" 2>/dev/null || return
    echo "$name" >"$work/$n.name"
    if (run_all "$work/$n" "$@"); then
        each_digest "$work/$n/out" >"$work/$n.digests"
    else
        tail -n 1 "$work/$n/log" >"$work/$n.failed"
    fi
    rm -rf "${work:?}/$n/"* # the folder itself says that this check is taken
}

# The first check says what the others must give.
judge() {
    i=0
    while [ $((i += 1)) -le "$n" ]; do
        name=$(cat "$work/$i.name")
        if [ -s "$work/$i.digests" ]; then
            got=$($sha256 <"$work/$i.digests" | cut -c1-64)
            [ -n "$want" ] || { want=$got first=$i; echo "$want  $name"; continue; }
            if [ "$got" = "$want" ]; then
                passed=$((passed + 1))
                [ -z "$small" ] || echo "$got  $name"
            else
                failed=$((failed + 1))
                echo "FAILED $name: $got"
                diff "$work/$first.digests" "$work/$i.digests" | head -n 9
            fi
        elif grep -q 'FUS_ISA: .* cannot run here' "$work/$i.failed" 2>/dev/null; then
            skipped=$((skipped + 1))
            echo "skipped: $name: this CPU does not have it"
        else
            failed=$((failed + 1))
            echo "FAILED $name: $(cat "$work/$i.failed" 2>&1)"
        fi
    done
}

absolute() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

program=$(absolute "$program")
every_way() {
    for isa in scalar avx2 avx512 amx neon; do
        export FUS_ISA=$isa
        check "FUS_ISA=$isa" $RUN "$program"
        unset FUS_ISA
    done
    for options in '--threads 4 --batch 1' '--max-memory 1M' '--threads 1 --batch 3'; do
        [ "$quick$options" != '1--threads 1 --batch 3' ] || continue # the others cut batches too
        case $options in *--threads*) learn_options=${options%% --batch*} ;; *) learn_options='--max-memory 64M' ;; esac
        check "$options" $RUN "$program"
        learn_options=
    done
}
every_check() { # every_check [PROGRAM...]
    options= n=0
    check "the default" $RUN "$program"
    [ -n "$small$once" ] || every_way
    options= at=0
    for other in "$@"; do
        at=$((at + 1))
        eval "emulator=\${RUN_$at-}"
        check "$other${emulator:+ ($emulator)}" $emulator "$(absolute "$other")"
    done
}

jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" # threads of runs side by side do not spin
while [ $((jobs -= 1)) -ge 1 ]; do every_check "$@" & done
every_check "$@"
wait
judge
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
