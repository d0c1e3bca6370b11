#!/bin/sh
# SPDX-License-Identifier: MIT
# Networks under the names that wrappers, training methods and other libraries give their tensors: the same activations as
# under torchvision's names, from files of tests/golden/names_make.py. --prefix, --preprocess, and values that are no numbers.
. tests/shell.sh
names=tests/golden/names
picture=tests/golden/net_grey.pgm
body=relu,layer1.0.relu,layer2.0.relu,layer3.0.relu,layer4.0.relu,avgpool

taps() { # taps FILE LAYERS [OPTIONS...]: activations into out.npz
    from=$1 at=$2
    shift 2
    $program activations --model "$from" --layer "$at" $picture -o "$work/out.npz" "$@" 2>"$work/notes"
}
same() { # same CANONICAL LAYERS FILE [OPTIONS...]: the file's activations are the canonical file's
    expected=$1 layers=$2 file=$3
    shift 3
    what="$(basename "$file") $* as $expected"
    taps "$names/$expected.safetensors" "$layers" --preprocess cifar && mv "$work/out.npz" "$work/expected.npz" &&
        taps "$file" "$layers" --preprocess cifar "$@"
    ok "$what: $(tail -n 1 "$work/notes")" cmp "$work/out.npz" "$work/expected.npz"
}
notes() { # notes PATTERN: what the last `same` or `run` printed on stderr
    ok "note '$1' in: $(cat "$work/notes")" grep -qE -- "$1" "$work/notes"
}

# Recognised without a word, with the classifier where it is saved beside.
for f in compile compile_dp compile_part children_fc normalize average_alone lightning feature_extractor mmpretrain hugging_face_classes counters; do
    same canonical $body,fc "$names/$f.safetensors"
done
for f in children children_nested children_f simsiam layer0 firstconv segmentation detection hugging_face; do
    same canonical all "$names/$f.safetensors"
done
for f in cifar_shortcut cifar_conv2_x; do
    same canonical_cifar $body,fc "$names/$f.safetensors"
done
same canonical_cifar all "$names/cifar_children.safetensors"
same canonical $body,fc "$names/shared.pth" # two names for the same storage are one network
same canonical all "$names/detectron.safetensors"
notes 'detectron2.s names: .*STRIDE_IN_1X1'

# Averaged weights are mentioned, and can be chosen.
same canonical $body,fc "$names/average.safetensors"
notes 'averaged weights lie beside these: --prefix model_ema'
same canonical $body,fc "$names/average_timm.safetensors"
notes '--prefix state_dict_ema'
taps "$names/average.safetensors" all --prefix model_ema && mv "$work/out.npz" "$work/ema.npz"
taps "$names/average_timm.safetensors" all --prefix state_dict_ema
ok 'the averages of both files' cmp "$work/out.npz" "$work/ema.npz"
taps "$names/average.safetensors" all --prefix model
if cmp -s "$work/out.npz" "$work/ema.npz"; then what=differ; else what=same; fi
ok '--prefix model is not model_ema' [ $what = same ]

# Several networks: one line that lists them, and the choice.
out="-o $work/refused.npz --layer relu $picture"
fails 1 'holds several networks: --prefix P chooses one; they lie under: student.module.backbone, teacher.backbone' \
    activations --model $names/dino.safetensors $out
# A momentum encoder is an average of the one that is trained: that one is taken, the other mentioned.
for name in moco moco_v3 byol; do
    same canonical all $names/$name.safetensors
done
run 'MoCo' activations --model $names/moco.safetensors $out
cp "$work/stderr" "$work/said"
ok 'the momentum encoder is mentioned' grep -q 'averaged weights lie beside these: --prefix state_dict.module.encoder_k' "$work/said"
for p in encoder_q module.encoder_q state_dict.module.encoder_q. encoder_q.; do
    same canonical all $names/moco.safetensors --prefix $p
done
same canonical all $names/moco_v3.safetensors --prefix base_encoder
same canonical all $names/dino.safetensors --prefix teacher
same canonical all $names/byol.safetensors --prefix backbone
same canonical all $names/byol.safetensors --prefix=state_dict.backbone
fails 1 '--prefix encoder: no network lies there; networks lie under: state_dict.module.encoder_q' activations --model $names/moco.safetensors --prefix encoder $out
fails 1 'several networks fit' activations --model $names/dino.safetensors --prefix backbone $out
fails 1 'no network lies there; networks lie under: ""' activations --model $names/canonical.safetensors --prefix net $out

# Preprocessing: assumed, chosen, converted.
run 'torchvision is assumed' activations --model $names/canonical.safetensors --layer relu $picture -o "$work/a.npy"
cp "$work/stderr" "$work/notes"
notes 'canonical.safetensors: preprocessing torchvision assumed \(--preprocess P\)$'
ok 'one line is printed' [ "$(wc -l <"$work/notes")" -eq 1 ]
cp $names/canonical.safetensors "$work/resnet50-11ad3fa6.safetensors"
run 'the second weights by their name' embed --model "$work/resnet50-11ad3fa6.safetensors" $picture -o "$work/e.npy"
cp "$work/stderr" "$work/notes"
notes 'V2 weights, made for --preprocess torchvision-v2'
run 'a choice' embed --model $names/canonical.safetensors --preprocess clip $picture -o "$work/clip.npy"
ok 'nothing is assumed' [ ! -s "$work/stderr" ]
for c in "classify --model F $picture" "bench --model F --rounds 1 --csv" "convert F -o $work/c.safetensors" "embed --model F $picture -o $work/e.npy" \
    "lesion --model F --run $work --category face --layer relu" "run --model F --out $work/none" \
    "activations --model F --layer relu $picture -o $work/e.npy" "train --model F --stimuli builtin --out $work/none"; do
    c=$(echo "$c" | sed "s|F|$names/canonical.safetensors|")
    fails 2 "--preprocess: preprocessing \`tv\`: expected torchvision" $c --preprocess tv
done
mine=resize=40,interp=bicubic,crop=32,mean=.5,std=.25
run 'conversion with a preset' convert $names/moco.safetensors --prefix encoder_k --preprocess $mine -o "$work/k.safetensors"
run 'as the metadata say' embed --model "$work/k.safetensors" $picture -o "$work/k.npy"
ok 'metadata are no assumption' [ ! -s "$work/stderr" ]
run 'as the option says' embed --model $names/moco.safetensors --prefix encoder_k --preprocess $mine $picture -o "$work/k2.npy"
ok 'both are the same' cmp "$work/k.npy" "$work/k2.npy"
run 'against the metadata' embed --model "$work/k.safetensors" --preprocess cifar $picture -o "$work/k3.npy"
cp "$work/stderr" "$work/notes"
notes "its metadata say preprocessing $mine, --preprocess cifar is done"
run 'another normalisation layer' embed --model $names/normalize.safetensors --preprocess $mine $picture -o "$work/n.npy"
cp "$work/stderr" "$work/notes"
notes 'a layer in it normalises with mean=0.48.*/0.456'

# In a run: for one model or for all, and part of the result.
set -- --stimuli 'builtin?per_category=4' --layers relu,layer4.0.relu
run 'a run' run --model a=$names/average.safetensors --model b=$names/average.safetensors --prefix b=model_ema --preprocess cifar --preprocess b=$mine --criterion ratio "$@" --out "$work/run"
ok 'the prefix is in run.json' grep -q '"name": "b", .*"preprocess": "'$mine'", "prefix": "model_ema"' "$work/run/run.json"
ok 'the other model has its own' grep -q '"name": "a", .*"preprocess": "cifar"}' "$work/run/run.json"
run 'a lesion of the second' lesion --model $names/average.safetensors --prefix model_ema --preprocess $mine --run "$work/run" --category face \
    --layer relu --stimuli 'builtin?per_category=4' --controls 1 -o "$work/lesion.csv"
fails 1 'give the same' lesion --model $names/average.safetensors --preprocess clip --run "$work/run" --category face --layer relu --stimuli 'builtin?per_category=4'
set -- --model a=$names/average.safetensors "$@"
run 'a shard' run "$@" --preprocess cifar --shard 1/2 --out "$work/shard1"
run 'resumed, the same said otherwise' run "$@" --preprocess a=cifar --shard 1/2 --resume --out "$work/shard1"
fails_resume() { # fails_resume WORDS OPTIONS...
    words=$1
    shift
    $program run "$@" --shard 1/2 --resume --out "$work/shard1" >"$work/stdout" 2>"$work/stderr"
    ok "status of --resume with $words" [ $? -eq 1 ]
    $program run "$@" --shard 1/2 --resume --out "$work/shard1" >"$work/stdout" 2>"$work/notes"
    notes "$words"
}
fails_resume preprocess "$@" --preprocess $mine
fails_resume prefix "$@" --preprocess cifar --prefix model
run 'the second shard' run "$@" --preprocess cifar --shard 2/2 --out "$work/shard2"
run 'merged' merge "$work/shard1" "$work/shard2" --out "$work/merged"
run 'in one' run "$@" --preprocess cifar --out "$work/one"
ok 'merged is one' cmp "$work/merged/run.json" "$work/one/run.json"
run 'a shard with a prefix' run "$@" --preprocess cifar --prefix model_ema --shard 1/1 --out "$work/ema1"
run 'merged with it' merge "$work/ema1" --out "$work/ema"
ok 'the prefix is there again' grep -q '"prefix": "model_ema"' "$work/ema/run.json"

# What is no number.
for low in '' --low-memory; do
    fails 1 'bad_nan.safetensors: tensor layer2.0.bn1.running_mean: element 1 of 2 is NaN' run --model $names/bad_nan.safetensors "$@" $low --out "$work/bad"
    fails 1 'tensor layer3.0.conv2.weight: element 1 of 36 is infinity' activations --model $names/bad_infinity.safetensors $low --layer fc $picture -o "$work/bad.npy"
    fails 1 'tensor bn1.running_var: element 1 is -1; a variance is not negative' embed --model $names/bad_variance.safetensors $picture $low -o "$work/bad.npy"
done
fails 1 'tensor layer2.0.bn1.running_mean: element 1 of 2 is NaN' convert $names/bad_nan.safetensors -o "$work/bad.safetensors"
fails 1 'tensor layer4.0.conv1.weight: element 2, -65520, is infinity in f16; take --dtype f32 or bf16' convert $names/large_f32.safetensors --dtype f16 \
    -o "$work/large.safetensors"
run 'bf16 is wide enough' convert $names/large_f32.safetensors --dtype bf16 -o "$work/large.safetensors"
$program run --model $names/bad_huge.safetensors --stimuli 'builtin?per_category=4' --out "$work/bad" >"$work/stdout" 2>"$work/notes"
ok 'a run stops' [ $? -eq 1 ]
notes 'layer layer.* answers .* with (NaN|infinity)'
fails 1 'layer layer' activations --model $names/bad_huge.safetensors --layer all $picture -o "$work/bad.npz"
$program inspect $names/dino.safetensors --prefix teacher >"$work/stdout" 2>"$work/notes"
notes 'tensors: ResNet-'
$program inspect $names/dino.safetensors >"$work/stdout" 2>"$work/notes"
notes 'holds several networks: --prefix P chooses one; they lie under: student'
fails 1 'no network lies there' inspect $names/dino.safetensors --prefix nothing
run 'a layer before the damage' run --model $names/bad_huge.safetensors --stimuli 'builtin?per_category=4' --layers relu --criterion ratio --out "$work/early"
fails 1 'answers' lesion --model $names/bad_huge.safetensors --stimuli 'builtin?per_category=4' --run "$work/early" --layer relu --category face --controls 2
# A language head of another name: run.json has --lang-head, and explain and lesion read it there.
ok 'a language head' $program convert demo:lang -o "$work/lang.safetensors"
sed 's/lang_head/word_head/g' "$work/lang.safetensors" >"$work/word.safetensors"
run 'its name given' run --model "$work/word.safetensors" --lang-head word_head --layers lang_head --stimuli 'builtin?per_category=4' --correction none --out "$work/word"
run 'explain knows it' explain "$work/word" word lang_head 3 --model "$work/word.safetensors"
says "^Agrees with the run's files"
run 'and so does lesion' lesion --model "$work/word.safetensors" --run "$work/word" --layer lang_head --category face --top 4 --controls 2 \
    --stimuli 'builtin?per_category=4' -o "$work/lesion.csv"
fails 1 'no tensor none.weight' lesion --model "$work/word.safetensors" --run "$work/word" --layer lang_head --category face --top 4 --lang-head none
finish
