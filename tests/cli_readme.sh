#!/bin/sh
# SPDX-License-Identifier: MIT
# Every command line in README.md: its command and options exist, with words that they take; and those that need no file but the
# ones made here are run, in the order of the text, on small networks and pictures. usage: tests/cli_readme.sh
. tests/shell.sh
repository=$PWD
case ${FUSIFORM:-./fusiform} in /*) ;; *) program="${RUN:+$RUN }$PWD/${FUSIFORM:-./fusiform}" ;; esac

# The lines of code blocks that call the program, one a line: continued lines are joined, notes behind two spaces cut off.
sed -n 's/^    //p' README.md | sed -e :join -e '/\\$/{' -e N -e 's/ *\\\n */ /' -e 'b join' -e '}' |
    sed -n 's/^ *\(parallel \)*\(\.\/\)*fusiform /fusiform /p' | sed 's/   *[^ ].*$//' >"$work/commands"
ok "commands are found" test "$(wc -l <"$work/commands")" -ge 25

SLURM_CPUS_PER_TASK=2 SLURM_ARRAY_TASK_ID=1 # as in its example

# ---- options ----

# check WORD...: as the command line takes them; a message names what is wrong
check() {
    command=$1
    shift
    grep -qx "$command" "$work/names" || { echo "no command $command"; return 1; }
    if [ "$command" = sdc ]; then table="sdc-$1"; else table=$command; fi
    [ -e "$work/$table" ] || $program $command $([ "$command" = sdc ] && echo "$1") --list-options >"$work/$table" </dev/null
    while [ $# -gt 0 ]; do
        word=$1
        shift
        case $word in -?*) ;; *) continue ;; esac
        row=$(grep "^${word%%=*}	" "$work/$table") || { echo "$command has no option ${word%%=*}"; return 1; }
        case $row in *"	flag") continue ;; esac
        case $word in
        *=*) value=${word#*=} ;;
        *) [ $# -gt 0 ] || { echo "$word has no value"; return 1; }
           value=$1
           shift ;;
        esac
        case $row in
        *"	choice	"*) case " $(echo "$row" | cut -f3) " in *" $value "*) ;; *) echo "$word $value"; return 1 ;; esac ;;
        esac
    done
}

words() { # words LINE: check, with the line's words as the shell splits them
    set -f
    eval "set -- $1"
    shift
    check "$@"
}

$program --list-commands | cut -f1 >"$work/names"
while IFS= read -r line; do
    message=$(words "$line")
    if [ -z "$message" ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED README.md: $line: $message"; fi
done <"$work/commands"

# ---- what they do ----

mkdir "$work/here" && cd "$work/here" || exit 1
one="--threads 1"
ok "pictures" $program stimuli generate --per-category 4 --size 32 -o my-pictures
cp -r my-pictures fLoc && cp -r my-pictures pictures && cp my-pictures/adult/adult-1.png face.jpg && cp my-pictures/house/house-1.png house.jpg && cp face.jpg cat.jpg
ok "a network" $program convert 'random:resnet?stem=7x7&block=bottleneck&blocks=1,1,1,3&width=4&input=32&classes=1000&seed=1' -o r.safetensors
mv r.safetensors resnet50.pth && cp resnet50.pth resnet50-0676ba61.pth && cp "$repository/tests/golden/net_clip.pt" RN50.pt
i=0
while [ $((i += 1)) -le 1000 ]; do echo "class $i"; done >imagenet.txt
printf 'face.jpg\tface\nhouse.jpg\tplace\n' >pictures.tsv

# Smaller numbers, units that the small network has.
small() {
    sed -e 's/--bootstrap 2000/--bootstrap 8/' -e 's/--permutations 1000/--permutations 4/' -e 's/ 1012,3,3 / 12,0,0 /' \
        -e 's/--per-category 144/--per-category 2 --size 32/' -e 's/--categories all --side 64/& --per-category 2/' \
        -e 's/^fusiform run /&--correction none /' -e 's/^fusiform lesion /&--controls 2 --top 2 /' -e '/^fusiform run/s/layer4[.]2/layer4.0/' -e 's/^fusiform bench /&--batch 1 /'
}
# Not run: trainings, participants' data, CLIP's vocabulary, shards of a cluster of machines.
grep -v -e ' train ' -e ' sdc ' -e '--text' -e '--vocab' -e '--shard' -e 'merge ' "$work/commands" | small >"$work/run"
ok "commands to run" test "$(wc -l <"$work/run")" -ge 14
while IFS= read -r line; do
    case $line in
    *' --groups '*) # a run of each training
        for m in l1 l2 c1 c2; do ok "training $m" $program run --model $m="random:cifar_resnet8?seed=${m#?}" --stimuli my-pictures --correction none --layers layer3.0.relu --matched --draws --out out/$m $one; done ;;
    *' compare '*) # another run over the same pictures
        ok "another run" $program run --model r50='random:cifar_resnet8?seed=1' --stimuli my-pictures --correction none --out out/other $one ;;
    esac
    case $line in *' --threads '*) extra= ;; *) extra=$one ;; esac
    (set -f && eval "set -- $line" && shift && exec $program "$@" $extra) >"$work/stdout" 2>"$work/stderr" </dev/null
    status=$?
    if [ $status -eq 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED README.md: $line: status $status: $(tail -n 2 "$work/stderr")"
    fi
done <"$work/run"
cd "$repository" || exit 1
finish
