#!/bin/sh
# SPDX-License-Identifier: MIT
# Which concepts do networks share that were trained from different seeds, and which of these does a category localizer miss?
# The networks are those of experiment.sh, a CLIP network and untrained ones. No network of a study descends from another of it,
# and the two studies have no network and no picture in common:
#   first    vision only: control1 control2 control3; with language: language4 language5; clip1 (demo:clip); four untrained
#   second   vision only: control4 control5; with language: language1 language2 language3; clip2, trained here; four untrained
# Each draws 2,000 pictures, makes an embedding of their captions' words (latent semantic analysis), fits decoders from 1,500
# units of every network, clusters their weights, and compares the clusters with the units that a localizer with other pictures
# finds selective. An interrupted call goes on where it was.
#
# usage: weights/demo/concepts.sh PROGRAM DIR [short]
#   DIR     as experiment.sh left it; the studies go to DIR/concepts/first and DIR/concepts/second
#   short   few pictures, networks, units and steps, to see that it works
program=$1 dir=$2 short=$3
[ -n "$program" ] && [ -n "$dir" ] || { echo "usage: weights/demo/concepts.sh PROGRAM DIR [short]" >&2; exit 2; }
set -f # ? in the networks' names

pictures=200 tests=300 validation=150 units=1500 steps=600 reruns=6 localizer=72 eps=.225 epochs=24 clip_pictures=400 stability=20
first="vision=control1,control2,control3 language=language4,language5 clip=clip1
    untrained=untrained11,untrained12,untrained13,untrained14"
second="vision=control4,control5 language=language1,language2,language3 clip=clip2
    untrained=untrained15,untrained16,untrained17,untrained18"
if [ -n "$short" ]; then
    pictures=3 tests=5 validation=3 units=100 steps=20 reruns=1 localizer=4 epochs=2 clip_pictures=20 stability=0
    first="vision=control1 language=language4 clip=clip1 untrained=untrained11"
    second="vision=control4 language=language1 clip=clip2 untrained=untrained15"
fi
layer=layer3.1.relu
untrained='random:resnet?stem=7x7&blocks=2,2,2&width=16&input=64&classes=11&zero=1&seed='
kinds=adult,child,body,limb,house,corridor,word,number,car,instrument

fail() { echo "concepts.sh: $*" >&2; exit 1; }
for name in control1 control2 control3 control4 control5 language1 language2 language3 language4 language5; do
    [ -e "$dir/$name/model.safetensors" ] || fail "$dir/$name/model.safetensors is missing: weights/demo/experiment.sh trains it"
done
mkdir -p "$dir/concepts" || exit 1

# A CLIP network of another seed than demo:clip, trained as breed.sh trains that one.
train_clip() {
    [ ! -e "$dir/clip2/model.safetensors" ] || return 0
    "$program" train --model 'random:clip_resnet?blocks=2,2,2&width=16&input=64&embed=64&seed=2&zero=1' --contrastive --classify 0 \
        --stimuli "builtin?per_category=$clip_pictures&seed=102&side=64" --fresh --augment shift=3,jitter=.2 --optimiser adamw \
        --lr .002 --decay .05 --batch 64 --epochs $epochs --seed 2 --resume --out "$dir/clip2"
}

# images.tsv from captions.tsv: image, path, and labels: the ten kinds, and words of one caption in 33 or more.
label() {
    awk -F'\t' '
        { path[NR] = $1; split($1, part, "/"); kind[NR] = part[1]
          if (!(part[1] in is_kind)) { is_kind[part[1]] = 1; kinds[++n_kinds] = part[1] }
          n = split($2, word, /[^A-Za-z-]+/)
          for (i = 1; i <= n; i++)
              if (length(word[i]) > 2 && !((NR, word[i]) in has)) {
                  has[NR, word[i]] = 1
                  if (!count[word[i]]++) words[++n_words] = word[i]
              } }
        END {
            printf "image\tpath"
            for (k = 1; k <= n_kinds; k++) printf "\t%s", kinds[k]
            for (i = 1; i <= n_words; i++)
                if (count[words[i]] >= NR / 33 && !(words[i] in is_kind)) { kept[++n_kept] = words[i]; printf "\t\"%s\"", words[i] }
            print ""
            for (r = 1; r <= NR; r++) {
                printf "%d\t%s", r - 1, path[r]
                for (k = 1; k <= n_kinds; k++) printf "\t%d", kind[r] == kinds[k]
                for (i = 1; i <= n_kept; i++) printf "\t%d", (r, kept[i]) in has
                print ""
            }
        }' "$1"
}

# file NAME PREFIX: a network's file; PREFIX leads to DIR
file() {
    case $1 in
    clip1) echo demo:clip ;;
    untrained*) echo "$untrained${1#untrained}" ;;
    *) echo "$2/$1/model.safetensors" ;;
    esac
}

# study NAME SEED GROUP=NETWORK,... ...: the pictures' seed, and who takes part
study() {
    name=$1 seed=$2 data=$dir/concepts/$1-pictures out=$dir/concepts/$1
    shift 2
    networks=$(for group; do echo "${group#*=}" | tr , '\n'; done)
    if [ ! -e "$data/embedding.npy" ]; then
        "$program" stimuli generate --categories $kinds --side 64 --per-category $pictures --seed "$seed" -o "$data" || return 1
        label "$data/captions.tsv" >"$data/images.tsv" || return 1
        "$program" embed --model lsa --texts "$data/captions.tsv" -o "$data/embedding.npy" || return 1
    fi
    {
        printf 'participant\tresponses\ttrials\n'
        for network in $networks; do
            printf '%s\tmodel:%s@%s?units=random:%d\timages.tsv\n' "$network" "$(file "$network" ../..)" $layer $units
        done
    } >"$data/study.tsv"
    "$program" sdc fit --study "$data/study.tsv" --images "$data/images.tsv" --embedding "$data/embedding.npy" --resume \
        --test-images $tests --val-images $validation --noise 5 --iterations $steps --lr 1e-3 --reruns $reruns --ridge none \
        --out "$out" || return 1
    groups=$*
    set --
    for network in $networks; do set -- "$@" --model "$network=$(file "$network" "$dir")"; done
    "$program" run "$@" --layers $layer --stimuli "builtin?per_category=$localizer&seed=777&side=64" --out "$out/localizer" \
        --resume >"$out/localizer.log" || return 1
    set --
    for group in $groups; do set -- "$@" --group "$group"; done
    "$program" sdc cluster "$out" "$@" --eps $eps --min-others 2 --run "$out/localizer" --layer $layer --stability $stability \
        --compare none --force
}

train_clip || exit 1
study first 4242 $first || exit 1
study second 8484 $second
