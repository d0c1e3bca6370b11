#!/bin/sh
# SPDX-License-Identifier: MIT
# fusiform train: files, the same bytes whatever runs it, stopped and resumed, controls, and what it refuses.
# usage: tests/cli_train.sh [KILLS]     kill -9 at that many random moments (default 3); FUSIFORM=program (default ./fusiform), RUN=emulator
. "$(dirname "$0")/shell.sh"
kills=${1:-3}
model='random:resnet?stem=3x3&block=basic&blocks=1,1,1&width=4&input=32&classes=3&seed=1'
set='builtin?per_category=12&seed=5&side=32&categories=adult,car,word'
usual="--stimuli $set --epochs 3 --batch 9 --threads 1"
files="best.safetensors model.safetensors state.safetensors steps.csv epochs.csv confusion.csv train.json report.html"

train() { # train OUT OPTIONS...: succeeds
    out=$work/$1
    shift
    run "train $*" train --model "$model" $usual --out "$out" "$@"
}
same() { # same WHAT A B: all files but train.log
    for f in $files; do
        cmp -s "$work/$2/$f" "$work/$3/$f" || { failed=$((failed + 1)); echo "FAILED $1: $f differs"; return; }
    done
    passed=$((passed + 1))
}
has() { # has FILE PATTERN
    if grep -qE -- "$2" "$work/$1"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: no '$2' in $1"; fi
}
begun() { # begun WORDS OPTIONS...: status 1, WORDS in the last line
    words=$1
    shift
    rm -rf "$work/begun"
    $program train --model "$model" $usual --out "$work/begun" "$@" >"$work/stdout" 2>"$work/stderr"
    if [ $? -eq 1 ] && tail -n 1 "$work/stderr" | grep -qF -- "$words"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED train $*: expected '$words' in: $(tail -n 2 "$work/stderr")"
    fi
}

# ---- what it writes ----
train whole --language lsa:4
says '^accuracy	0\.[0-9]+ of 3 held-out pictures'
says '^cosine	'
says '^next	fusiform run --model .*/whole/model.safetensors --stimuli builtin --layers layer3.0.relu --out '
for f in $files train.log; do ok "$f is there" test -s "$work/whole/$f"; done
ok "nothing else" test "$(find "$work/whole" -type f | wc -l)" -eq 9
has whole/steps.csv '^12,3,.*,.*,.*,.*,'
has whole/epochs.csv '^3,'
has whole/confusion.csv '^class,adult,car,word$'
has whole/train.json '"--language": "lsa:4"'
has whole/train.json '"targets": "LSA of 33 captions: '
has whole/report.html 'of the held-out pictures are taken for their class</b>'
has whole/report.html '<h2 id="learning">Learning curves</h2>'
run "its files are read" inspect "$work/whole/model.safetensors"
says '^lang_head.weight	f32	4x16'
run "a network for run" run --model "$work/whole/model.safetensors" --stimuli 'builtin?per_category=2' --layers layer3.0.relu --out "$work/run"
# --lr-heads is the rate of new heads: the file has fc and the language head already.
run "further" train --model "$work/whole/model.safetensors" $usual --epochs 1 --language lsa:4 --out "$work/further"
run "no head is new" train --model "$work/whole/model.safetensors" $usual --epochs 1 --language lsa:4 --lr-heads .5 --out "$work/further2"
ok "nothing learns faster" cmp "$work/further/steps.csv" "$work/further2/steps.csv"
run "a new head" train --model "$work/whole/model.safetensors" $usual --epochs 1 --language lsa:5 --lr-heads .5 --out "$work/further3"
run "a new head, slower" train --model "$work/whole/model.safetensors" $usual --epochs 1 --language lsa:5 --out "$work/further4"
if cmp -s "$work/further3/steps.csv" "$work/further4/steps.csv"; then what=same; else what=differ; fi
ok "it learns faster" [ $what = differ ]
run "half precision" train --model "$work/whole/model.safetensors" $usual --epochs 1 --dtype f16 --out "$work/half"
run "of it" inspect "$work/half/model.safetensors"
says '^conv1.weight	f16'
says '^bn1.weight	f32'
ok "its language head is left out" sh -c "! grep -q lang_head '$work/stdout'"
if python3 -c 'import numpy' 2>/dev/null; then
    ok "metadata and tensors as any reader of safetensors sees them" python3 - "$work/whole" <<'PY'
import hashlib, json, struct, sys
import numpy
b = open(sys.argv[1] + '/model.safetensors', 'rb').read()
n = struct.unpack('<Q', b[:8])[0]
h = json.loads(b[8:8 + n])
m = h.pop('__metadata__')
assert m['fusiform.arch'] == 'lang_resnet' and m['fusiform.input'] == '32', m
assert m['fusiform.train'] == hashlib.sha256(open(sys.argv[1] + '/train.json', 'rb').read()).hexdigest()
json.load(open(sys.argv[1] + '/train.json'))
for name, t in h.items():
    a = numpy.frombuffer(b[8 + n:][slice(*t['data_offsets'])], '<f4').reshape(t['shape'])
    assert numpy.isfinite(a).all(), name
assert h['fc.weight']['shape'] == [3, 16] and 'layer2.0.downsample.1.running_var' in h
PY
else
    skipped=$((skipped + 1))
fi

# ---- the same bytes ----
for isa in scalar avx2 avx512 neon; do
    if FUS_ISA=$isa $program train --model "$model" $usual --language lsa:4 --out "$work/isa" >"$work/stdout" 2>"$work/stderr"; then
        same "FUS_ISA=$isa" whole isa
    elif grep -q 'cannot run here' "$work/stderr"; then skipped=$((skipped + 1)); else
        failed=$((failed + 1))
        echo "FAILED FUS_ISA=$isa: $(tail -n 1 "$work/stderr")"
    fi
    rm -rf "$work/isa"
done
for more in '--threads 2' '--threads 7 --max-memory 40M' '--state 0'; do
    train other --language lsa:4 $more
    same "$more" whole other
    rm -rf "$work/other"
done
train frozen --batch-norm frozen --freeze stem,layer1 --optimiser adamw
for n in 1 4; do
    train other --batch-norm frozen --freeze stem,layer1 --optimiser adamw --micro-batch $n
    same "--micro-batch $n" frozen other
    rm -rf "$work/other"
done

# ---- stopped and resumed ----
undisturbed="--language lsa:4 --head-epochs 1 --ema .9 --keep 2 --seed 3"
train calm $undisturbed
ok "the models of two epochs" test "$(cd "$work/calm" && echo epoch-*)" = "epoch-0002.safetensors epoch-0003.safetensors"
killed=0
for k in $(seq "$kills"); do
    $program train --model "$model" $usual $undisturbed --state 0 --resume --out "$work/killed" >"$work/stdout" 2>"$work/stderr" &
    pid=$!
    sleep "$(awk -v seed="$k$$" 'BEGIN { srand(seed); rand(); printf "%.3f", 0.05 + rand() * 0.4 }')"
    kill -9 $pid 2>/dev/null && killed=$((killed + 1))
    wait $pid 2>/dev/null
done
: >"$work/killed/epochs.csv.tmp-1" # as a kill may leave one
: >"$work/killed/epoch-0002.safetensors.tmp-1"
train killed $undisturbed --resume
same "killed $killed times" calm killed
ok "no rest of it" test -z "$(find "$work/killed" -name '*.tmp-*')"
$program train --model "$model" $usual --epochs 500 --state 1h --out "$work/stopped" >"$work/stdout" 2>"$work/stderr" &
pid=$!
i=0
while [ ! -s "$work/stopped/state.safetensors" ] && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
kill -INT $pid
wait $pid
status=$?
cp "$work/stderr" "$work/said"
ok "Ctrl-C: status 1" test $status -eq 1
has said 'stopped at step [0-9]+ of 2000; the same command with --resume goes on'
fails 1 'stopped: began with "--epochs": "500", found now is "--epochs": "3"' train --model "$model" $usual --resume --out "$work/stopped"
fails 1 'began with "--lr"' train --model "$model" $usual --epochs 500 --lr .5 --resume --out "$work/stopped"
fails 1 'began with "model"' train --model "$model&zero=1" $usual --epochs 500 --resume --out "$work/stopped"
fails 1 'began with "pictures_sha256"' train --model "$model" $usual --epochs 500 --resume --out "$work/stopped" --stimuli "builtin?per_category=12&seed=6&side=32&categories=adult,car,word"
fails 1 'holds a training that was begun; --resume goes on, --force begins anew' train --model "$model" $usual --out "$work/stopped"
fails 1 'holds a finished training; --force begins anew' train --model "$model" $usual --language lsa:4 --out "$work/whole"
cp -r "$work/whole" "$work/again"
train again --language lsa:4 --resume
same "a finished training resumed" whole again
rm "$work/again/report.html" && train again --language lsa:4 --force
same "--force" whole again
mkdir "$work/foreign" && : >"$work/foreign/thesis.tex"
fails 1 'foreign: holds files already, such as thesis.tex; a new folder expected' train --model "$model" $usual --out "$work/foreign"
: >"$work/again/state.safetensors"
fails 1 'again/state.safetensors: ' train --model "$model" $usual --language lsa:4 --resume --out "$work/again"
sed 2d "$work/whole/steps.csv" >"$work/killed/steps.csv"
fails 1 'killed/steps.csv: 11 rows found, the state has 12' train --model "$model" $usual $undisturbed --resume --out "$work/killed"

# ---- tasks ----
for t in class shuffled random:5 class:lsa:3; do
    train "task-$t" --language $t --epochs 1
    has "task-$t/epochs.csv" '^1,.*,.*,.*,.*,-?[0-9.e-]*,'
done
train hidden --language lsa:3 --lang-hidden 5 --language-loss mse --classify 0 --epochs 1
run "two layers, no fc" inspect "$work/hidden/model.safetensors"
says '^lang_head.2.weight	f32	3x5'
ok "no fc" sh -c "! grep -q '^fc' '$work/stdout'"
model='random:clip_resnet?blocks=1,1,1&width=4&input=32&embed=8'
train clip --contrastive --optimiser adamw --lr .002
says '^own text first	'
run "text.weight" inspect "$work/clip/model.safetensors"
says '^text.weight	f32	8x[0-9]+'
run "a CLIP network for run" run --model "$work/clip/model.safetensors" --stimuli 'builtin?per_category=2' --layers layer3.0.relu --out "$work/run2"
model='random:resnet?stem=3x3&block=basic&blocks=1,1,1&width=4&input=32&classes=3&seed=1'
printf 'car 1 0 0\nadult 0 1 0\nword 0 0 1\n' >"$work/glove.txt"
run "draw" stimuli generate --per-category 4 --side 32 --categories adult,car,word -o "$work/drawn"
run "names of classes" train --model "$model" --stimuli "$work/drawn" --language "$work/glove.txt" --epochs 1 --batch 9 --threads 1 --validate 25% --out "$work/names"
has names/train.json '"targets": "word vectors \(GloVe text\): 3 of 3 words, 3 dimensions"'
run "captions, another set" train --model "$model" --stimuli "$work/drawn" --captions "$work/drawn/captions.tsv" --language lsa:2 --epochs 1 --batch 9 --threads 1 --validate "$work/drawn" --out "$work/captions"
has captions/train.json '"validate_sha256": "'

# ---- what it refuses ----
begun 'loss is not finite; largest gradient ' --lr 1e18
begun 'no state yet; try --lr 2e+17 or --clip-norm 1' --lr 1e18
begun 'last good state: step 4; try --lr ' --lr 1e6 --epochs 20
t="train --model $model --stimuli $set --out $work/no"
fails 1 "these pictures have no captions; --captions FILE.tsv" train --model "$model" --stimuli "$work/drawn" --language lsa --out "$work/no" --validate 25%
printf 'car 1 0 0\n' >"$work/glove.txt"
fails 1 "adult" train --model "$model" --stimuli "$work/drawn" --language "$work/glove.txt" --out "$work/no" --validate 25%
sed -n 1,3p "$work/drawn/captions.tsv" >"$work/few.tsv"
fails 1 "caption" train --model "$model" --stimuli "$work/drawn" --captions "$work/few.tsv" --language lsa --out "$work/no" --validate 25%
mkdir "$work/one" && cp -r "$work/drawn/car" "$work/drawn/adult" "$work/one" && rm "$work"/one/car/*[2-9].png
fails 1 "class car has 1 picture" train --model "$model" --stimuli "$work/one" --out "$work/no"
fails 1 "x.pt: " $t --language clip:x.pt
fails 2 "--language: 'foo' found, lsa, lsa:D, FILE.npy" $t --language foo
fails 1 "--freeze: 'layer9' is no part of this network; there are stem, layer1 to layer3" $t --freeze stem,layer9
fails 1 "--schedule: 'foo' found; cosine, constant or step:30,60 (epochs) expected" $t --schedule foo
fails 1 "augmentation" $t --augment foo
fails 1 "nothing to learn" $t --classify 0
fails 1 "--max-memory 1048576" $t --max-memory 1M
fails 1 "--fresh: draws new pictures each epoch" train --model "$model" --stimuli "$work/drawn" --fresh --validate 25% --out "$work/no"
fails 1 "--head-epochs: no head is new" $t --head-epochs 1
fails 1 "--language lsa: " $t --language lsa:60
fails 1 "too few for the batch norm of a 1 x 1 map; try --batch 7 or --batch-norm frozen" train --model 'random:resnet?blocks=1,1,1&width=4&input=16' --stimuli "$set" --batch 8 --out "$work/no"
fails 2 "--micro-batch: needs --batch-norm frozen" $t --micro-batch 2
fails 2 "--resume goes on, --force begins anew: one of the two expected" $t --resume --force
fails 2 "--state: 'soon' found, a time such as 10m, 30s, 1h or 0 expected" $t --state soon
fails 2 "--lr: '0' found, a number above 0 expected" $t --lr 0
fails 2 "--ema: '1' found, a number from 0, below 1 expected" $t --ema 1
fails 2 "--out DIR expected" train --model "$model" --stimuli "$set"
fails 2 "--language-loss infonce: needs --contrastive" $t --language-loss infonce
fails 2 "--contrastive learns its own word vectors" $t --contrastive --language lsa
ok "nothing was made" test ! -e "$work/no"
finish
