#!/bin/sh
# SPDX-License-Identifier: MIT
# Speed beside the engines one would use instead: tests/bench/bench.sh PROGRAM [ROUNDS]. In turns in one run, since machines are noisy;
# medians and least values of all rounds and their ratios, setting by setting. A peer that is not installed is left out with a word.
#   $PEERS/python         a Python with torch, torchvision, scipy, pillow, openvino, ncnn (any of them); Debian's PyTorch beside it
#   $PEERS/models         what `python tests/bench/models.py FOLDER` writes: resnet50.onnx, clip_rn50.onnx and ncnn's files
#   $PEERS/node_modules   ONNX Runtime: npm install onnxruntime-node
#   $PEERS/cache          where torch.compile keeps what it has compiled: its first run takes minutes
#   libdnnl-dev           oneDNN's convolutions alone (Winograd)      libopenblas-dev    OpenBLAS's products alone, without im2col
# SETTINGS="resnet50,8,2 ..." (network, batch, threads) and ENGINES="openvino ort ..." choose rows and peers.
program=${1:-./fusiform} rounds=${2:-7}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
command -v python3 >/dev/null || { echo "not compared with other engines: python3 is not installed"; exit 0; }
${CC:-cc} -O2 tests/bench/onednn.c -o "$work/onednn" -ldnnl 2>/dev/null
${CC:-cc} -O2 tests/bench/openblas.c -o "$work/openblas" -lopenblas 2>/dev/null
sh tests/bench/convs.sh >"$work/convs"
python3 tests/bench/turns.py "$program" "$rounds" "${PEERS:-build/peers}" "$work"
