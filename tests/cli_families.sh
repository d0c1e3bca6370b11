#!/bin/sh
# SPDX-License-Identifier: MIT
# AlexNet, VGG, CORnets, ResNeXt, ConvNeXt on the command line: layers, classes, embeddings, files.
. tests/shell.sh
picture=tests/golden/net_blobs.png
golden=tests/golden/families_

is_shape() { # is_shape FILE SHAPE: in the header of an .npy
    ok "$1 is $2" grep -qaF "'shape': $2" "$work/$1"
}
family() { # family NAME LAYER SHAPE EMBEDDING ARCH: the file in every command that takes a model
    model=$golden$1.pth
    run "$1: inspect" inspect "$model"
    run "$1: layer $2" activations --model "$model" --layer "$2" $picture -o "$work/layer.npy"
    is_shape layer.npy "$3"
    run "$1: embed" embed --model "$model" $picture $picture -o "$work/e.npy"
    is_shape e.npy "$4"
    run "$1: classify" classify --model "$model" --top 2 $picture
    run "$1: convert" convert "$model" -o "$work/$1.safetensors"
    run "$1: all layers" activations --model "$model" --layer all $picture -o "$work/a.npz"
    run "$1: all layers of the file" activations --model "$work/$1.safetensors" --layer all $picture -o "$work/b.npz"
    ok "$1: the file answers as the network it was" cmp "$work/a.npz" "$work/b.npz"
    run "$1: --low-memory" activations --model "$model" --low-memory --layer all $picture -o "$work/b.npz"
    ok "$1: --low-memory gives the same bytes" cmp "$work/a.npz" "$work/b.npz"
    fails 1 "holds a $5" convert "$model" --arch vit -o "$work/x.safetensors"
    fails 1 'training knows residual networks only, without groups' train --model "$model" --stimuli 'builtin?per_category=2' --epochs 1 --out "$work/learned"
}

family alexnet features.12 '(1, 8, 6, 6)' '(2, 17)' alexnet
family vgg_bn features.14 '(1, 8, 7, 7)' '(2, 18)' vgg
family vgg classifier.6 '(1, 10, 1, 1)' '(2, 18)' vgg
family cornet_s V4.output-t2 '(1, 12, 14, 14)' '(2, 20)' cornet
family cornet_z V1.output '(1, 8, 56, 56)' '(2, 20)' cornet
family resnext_4 layer1.0.relu2 '(1, 32, 56, 56)' '(2, 64)' resnet
family convnext features.7.0 '(1, 16, 7, 7)' '(2, 16)' convnext
fails 1 'there are: V1.output-t0 V2.output-t0 V2.output-t1 V4.output-t0' activations --model ${golden}cornet_s.pth --layer V2 $picture -o "$work/x.npy"
fails 1 'there are: features.1 features.2 features.4 features.5' activations --model ${golden}alexnet.pth --layer fc7 $picture -o "$work/x.npy"
fails 1 'classifier.1 is for a grid of 6 x 6 places, an input of 96 x 96 gives 2 x 2' embed --model ${golden}alexnet.pth --preprocess 'resize=96,interp=bilinear,crop=96,mean=.5/.5/.5,std=.5/.5/.5' $picture -o "$work/x.npy"
fails 1 'classifier.0 is for a grid of 3 x 3 places' embed --model ${golden}vgg.pth --preprocess torchvision $picture -o "$work/x.npy"
fails 1 'does not fit an input of 1 x 1' embed --model ${golden}vgg.pth --preprocess 'resize=1,interp=bilinear,crop=1,mean=.5/.5/.5,std=.5/.5/.5' $picture -o "$work/x.npy"
run "run" run --model alexnet=${golden}alexnet.pth --layers features.7,classifier.5 --stimuli 'builtin?per_category=4&seed=2' --correction none --out "$work/run"
ok "both layers in the table" test "$(grep '^alexnet,' "$work/run/layers.csv" | cut -d, -f2 | uniq | wc -l)" -eq 2

finish
