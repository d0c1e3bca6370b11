#!/bin/sh
# SPDX-License-Identifier: MIT
# The paper's experiment, small: for each seed a network trained to classify drawings, and four trained further from it: with the
# same task alone (control), and with a second task: captions (language), one vector a class (class), captions of other
# pictures (shuffled). Then one localizer run over all of them and untrained networks, compared by groups.
# Two trainings go on at a time, a thread each; one that was interrupted continues, one that is finished is kept.
#
# usage: weights/demo/experiment.sh PROGRAM OUT ["SEED ..."] [short]
#   SEEDs default to 1 2 3 4 5; short: two epochs of each network on 20 pictures a class
program=$1 out=$2 seeds=${3:-1 2 3 4 5} short=$4
[ -n "$program" ] && [ -n "$out" ] || { echo "usage: weights/demo/experiment.sh PROGRAM OUT [\"SEED ...\"] [short]" >&2; exit 2; }
mkdir -p "$out" || exit 1
set -f # ? in the sets' names

pictures=400 held_out=60 epochs_start=28 epochs_on=12 localizer=72
[ -z "$short" ] || pictures=20 held_out=5 epochs_start=2 epochs_on=2 localizer=12
network='resnet?stem=7x7&blocks=2,2,2&width=16&input=64&classes=11&zero=1'

one() { # one SEED CONDITION START OPTION...: a training, unless it is finished
    seed=$1 name=$2$1 start=$3
    shift 3
    ! grep -q '^done' "$out/$name/train.log" 2>/dev/null || return 0
    "$program" train --model "$start" --stimuli "builtin?per_category=$pictures&seed=10$seed&side=64" --fresh \
        --augment shift=3,jitter=.2 --validate "builtin?per_category=$held_out&seed=900&side=64" --nesterov --decay 5e-4 --batch 32 \
        --threads 1 --seed "$seed" --resume "$@" --out "$out/$name" 2>"$out/$name.log" || { tail -n 1 "$out/$name.log" >&2; exit 1; }
    echo "$name: trained"
}
five() { # five SEED
    one "$1" vision "random:$network&seed=$1" --epochs $epochs_start --lr .05
    on=$out/vision$1/model.safetensors
    one "$1" control "$on" --epochs $epochs_on --lr .02
    one "$1" language "$on" --epochs $epochs_on --lr .02 --lr-heads .4 --language lsa:64
    one "$1" class "$on" --epochs $epochs_on --lr .02 --lr-heads .4 --language class:lsa:64
    one "$1" shuffled "$on" --epochs $epochs_on --lr .02 --lr-heads .4 --language shuffled:lsa:64
}

running=
for seed in $seeds; do
    five "$seed" &
    if [ -n "$running" ]; then
        wait "$running" || exit 1
    fi
    running=$!
done
wait "$running" || exit 1

set --
for condition in vision control language class shuffled untrained; do
    names=
    for seed in $seeds; do
        file=$out/$condition$seed/model.safetensors
        [ $condition != untrained ] || file="random:$network&seed=$seed"
        set -- "$@" --model "$condition$seed=$file"
        names=$names,$condition$seed
    done
    set -- "$@" --group "$condition=${names#,}"
done
"$program" run "$@" --layers layer3.1.relu --stimuli "builtin?per_category=$localizer&seed=777&side=64" --consistency --matched \
    --out "$out/run" --force
