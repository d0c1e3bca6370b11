#!/bin/sh
# SPDX-License-Identifier: MIT
# Vision transformers on the command line: layers and their shapes, embeddings, files, responses with a sign, lesions.
. tests/shell.sh
vit='random:vit?input=32&patch=8&blocks=2&classes=11&seed=1'
clip='random:clip_vit?input=32&patch=8&blocks=2&embed=24&seed=1'
drawn='builtin?per_category=8&seed=2'
picture=tests/golden/img_420_33x18.jpg

is_shape() { # is_shape FILE SHAPE: in the header of an .npy
    ok "$1 is $2" grep -qaF "'shape': $2" "$work/$1"
}
layer() { # layer MODEL LAYER SHAPE
    run "layer $2" activations --model "$1" --layer "$2" $picture -o "$work/layer.npy"
    is_shape layer.npy "$3"
}

layer "$clip" blocks.1 '(1, 64, 4, 4)'
layer "$clip" blocks.1.class '(1, 64, 1, 1)'
layer "$clip" blocks.0.mlp.act '(1, 256, 4, 4)'
layer "$clip" ln_pre '(1, 64, 4, 4)'
layer "$clip" proj '(1, 24, 1, 1)'
layer "$vit" encoder.layers.encoder_layer_0 '(1, 64, 4, 4)'
layer "$vit" head '(1, 11, 1, 1)'
fails 1 'there are: tokens tokens.class blocks.0.mlp blocks.0 blocks.0.class' activations --model "$vit" --layer blocks.2 $picture -o "$work/x.npy"
run "embedding" embed --model "$clip" $picture $picture -o "$work/e.npy"
is_shape e.npy '(2, 24)'
run "features" embed --model "$vit" $picture -o "$work/f.npy"
is_shape f.npy '(1, 64)'
run "classes" classify --model "$vit" --top 2 $picture
fails 1 'positional embedding of this network has room for 32' embed --model "$vit" --preprocess torchvision $picture -o "$work/x.npy"
fails 1 "a multiple of the patches' side, 8, expected" embed --model 'random:vit?input=30' $picture -o "$work/x.npy"
fails 1 'stem is for random:resnet' embed --model 'random:vit?stem=7x7' $picture -o "$work/x.npy"
fails 1 'patch is for random:vit and clip_vit' embed --model 'random:resnet?patch=4' $picture -o "$work/x.npy"
fails 1 'training knows residual networks only' train --model "$vit" --stimuli "$drawn" --epochs 1 --out "$work/learned"

# Files: QuickGELU or GELU is kept, or asked for.
run "to a file" convert "$clip" -o "$work/clip.safetensors"
run "all layers" activations --model "$clip" --layer all $picture -o "$work/a.npz"
run "all layers of the file" activations --model "$work/clip.safetensors" --layer all $picture -o "$work/b.npz"
ok "the file answers as the network it was" cmp "$work/a.npz" "$work/b.npz"
fails 1 'holds a clip_vit' convert "$clip" --arch vit -o "$work/x.safetensors"
fails 1 'has no text tower' convert "$clip" --with-text -o "$work/x.safetensors"
sed 's/fusiform.activation/fusiform.activatiom/' "$work/clip.safetensors" >"$work/silent.safetensors"
fails 1 'QuickGELU or GELU? the weights do not say: give --activation' embed --model "$work/silent.safetensors" $picture -o "$work/x.npy"
fails 2 "'relu' found, quickgelu or gelu expected" embed --model "$work/silent.safetensors" --activation relu $picture -o "$work/x.npy"
run "with --activation" embed --model "$work/silent.safetensors" --activation quickgelu $picture -o "$work/g.npy"
run "with the other" embed --model "$work/silent.safetensors" --activation gelu $picture -o "$work/h.npy"
run "as before" embed --model "$clip" $picture -o "$work/e.npy"
ok "--activation quickgelu is what it was" cmp "$work/g.npy" "$work/e.npy"
ok "gelu is another network" sh -c "! cmp -s '$work/g.npy' '$work/h.npy'"
run "a run of it" run --model vit="$work/silent.safetensors" --activation gelu --layers blocks.0.mlp --stimuli "$drawn" --correction none --out "$work/gelu"
run "explain knows the run's --activation" explain "$work/gelu" vit blocks.0.mlp 3,0,0 --model "$work/silent.safetensors"
says "^Agrees with the run's files"
lesion="--run $work/gelu --layer blocks.0.mlp --category face --top 4 --controls 2 --stimuli $drawn"
run "and so does lesion" lesion --model "$work/silent.safetensors" $lesion -o "$work/l.csv"
run "the same, given" lesion --model "$work/silent.safetensors" $lesion --activation gelu -o "$work/m.csv"
ok "the same bytes" cmp "$work/l.csv" "$work/m.csv"
run "--activation of the command instead" lesion --model "$work/silent.safetensors" $lesion --activation quickgelu -o "$work/m.csv"
ok "other bytes" sh -c "! cmp -s '$work/l.csv' '$work/m.csv'"
sed 's/"gelu"/"relu"/' "$work/gelu/run.json" >"$work/json" && mv "$work/json" "$work/gelu/run.json"
fails 1 "run.json: activation is relu, which is not a known value" explain "$work/gelu" vit blocks.0.mlp 3,0,0 --model "$work/silent.safetensors"
run "--low-memory" embed --model "$clip" --low-memory $picture -o "$work/l.npy"
ok "--low-memory gives the same bytes" cmp "$work/l.npy" "$work/e.npy"

# Responses with a sign have no CSI; d' stands in its place. The stream between blocks cannot be silenced.
run "run" run --model vit="$vit" --layers tokens,blocks.1,blocks.1.mlp --stimuli "$drawn" --correction none --out "$work/run"
ok "no CSI, but d' and its other half" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["csi_mean"] != "" || $at["csi_cv"] != "" { exit 1 } $at["n_selective"] && $at["dprime_mean"] == "" { exit 1 }
    $at["auc_cv"] != "" { n++ } END { exit n == 0 }' "$work/run/layers.csv"
ok "the report says why" grep -q 'may be negative, so the sum' "$work/run/report.html"
cp "$work/run/report.html" "$work/report.html"
run "report from the files" report "$work/run"
ok "it is the same" cmp "$work/report.html" "$work/run/report.html"
fails 1 'criterion ratio means nothing' run --model vit="$vit" --stimuli "$drawn" --criterion ratio --out "$work/ratio"
fails 1 'take blocks.N.mlp' lesion --model "$vit" --run "$work/run" --layer blocks.1 --category face --stimuli "$drawn" -o "$work/x.csv"
run "lesion of an MLP's units" lesion --model "$vit" --run "$work/run" --layer blocks.1.mlp --category face --stimuli "$drawn" --controls 2 -o "$work/l.csv"
run "first shard" run --model vit="$vit" --layers blocks.1 --stimuli "$drawn" --correction none --shard 1/2 --out "$work/s1"
run "second shard" run --model vit="$vit" --layers blocks.1 --stimuli "$drawn" --correction none --shard 2/2 --out "$work/s2"
run "merged" merge "$work/s1" "$work/s2" --out "$work/merged"
run "in one" run --model vit="$vit" --layers blocks.1 --stimuli "$drawn" --correction none --out "$work/whole"
ok "shards merge to the same bytes" same_runs "$work/merged" "$work/whole"
finish
