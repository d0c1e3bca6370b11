#!/bin/sh
# SPDX-License-Identifier: MIT
# Speed beside the engines one would use instead: tests/bench/bench.sh PROGRAM [ROUNDS]. In turns in one run, since machines are noisy;
# medians and least values of all rounds and their ratios at the end. A peer that is not installed is left out with a word.
#   $PEERS/python         a Python with torch, torchvision, scipy, pillow, openvino, ncnn (any of them); Debian's PyTorch beside it
#   $PEERS/models         what `python tests/bench/models.py FOLDER` writes: resnet50.onnx, clip_rn50.onnx and ncnn's files
#   $PEERS/node_modules   ONNX Runtime: npm install onnxruntime-node
#   libdnnl-dev           oneDNN's convolutions alone (Winograd)      libopenblas-dev    OpenBLAS's products alone, without im2col
# SETTINGS="resnet50,8,2 ..." (network, batch, threads) and ENGINES="openvino ort ..." choose rows and peers.
program=${1:-./fusiform} rounds=${2:-7}
peers=${PEERS:-build/peers}
settings=${SETTINGS:-resnet50,1,1 resnet50,1,2 resnet50,8,1 resnet50,8,2 clip_rn50,1,1 clip_rn50,1,2}
engines=${ENGINES:-direct eager channels_last optimised compile torch1 openvino openvino_default ncnn ort onednn openblas}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

cat >"$work/ort.js" <<'JS'
const { createRequire } = require('module');
const ort = createRequire(process.argv[2] + '/')('onnxruntime-node');
(async () => {
  const [, , , model, batch, threads] = process.argv, n = +batch;
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  const x = new ort.Tensor('float32', new Float32Array(n * 3 * 224 * 224).map(() => Math.random() * 2 - 1), [n, 3, 224, 224]);
  const ms = [];
  for (let i = 0; i < 12; i++) {
    const start = performance.now();
    await session.run({ [session.inputNames[0]]: x });
    if (i > 1) ms.push((performance.now() - start) / n);
  }
  ms.sort((a, b) => a - b);
  console.log(ms[ms.length >> 1].toFixed(3), ms[0].toFixed(3));
})();
JS
ours() { # ours NETWORK BATCH THREADS [OPTIONS]: median and least ms a picture
    m=$1 b=$2 t=$3
    shift 3
    "$program" bench --model "random:$m?seed=1" --batch "$b" --threads "$t" --rounds 10 --csv "$@" 2>/dev/null |
        sed -n 's/^total,\([0-9.]*\),.*/\1 \1/p'
}

${CC:-cc} -O2 tests/bench/onednn.c -o "$work/onednn" -ldnnl 2>/dev/null
${CC:-cc} -O2 tests/bench/openblas.c -o "$work/openblas" -lopenblas 2>/dev/null
sh tests/bench/convs.sh >"$work/convs"
peers=$(cd "$peers" 2>/dev/null && pwd)

peer() { # peer ENGINE NETWORK BATCH THREADS: median and least ms a picture; nothing where the engine is not installed
    case $1 in
    direct) ours "$2" "$3" "$4" --conv direct ;;
    eager | channels_last | optimised | compile | openvino | openvino_default | ncnn)
        "$peers/python" tests/bench/peer.py "$1" "$2" "$3" "$4" "$peers/models" ;;
    torch1) /usr/bin/python3 tests/bench/peer.py optimised "$2" "$3" "$4" ;;
    ort) node "$work/ort.js" "$peers" "$peers/models/$2.onnx" "$3" "$4" ;;
    onednn) [ "$2" = resnet50 ] && OMP_NUM_THREADS=$4 "$work/onednn" winograd "$3" 8 <"$work/convs" ;;
    openblas) [ "$2,$3" = resnet50,1 ] && OPENBLAS_NUM_THREADS=$4 "$work/openblas" 8 <"$work/convs" ;;
    esac 2>/dev/null | awk 'NF {print $1, (NF > 1 ? $2 : $1)}'
}

median() { sort -n "$1" | awk '{v[NR] = $1} END {if (NR) print v[int((NR + 1) / 2)]}'; }
least() { sort -n -k 2 "$1" | awk 'NR == 1 {print $2}'; }

for setting in $settings; do
    network=${setting%%,*} threads=${setting##*,} batch=${setting#*,} left_out=
    batch=${batch%,*}
    rm -f "$work"/ms.*
    for round in $(seq "$rounds"); do
        ours "$network" "$batch" "$threads" >>"$work/ms.fusiform"
        for engine in $engines; do
            case " $left_out " in *" $engine "*) continue ;; esac
            peer "$engine" "$network" "$batch" "$threads" >>"$work/ms.$engine"
            [ -s "$work/ms.$engine" ] || left_out="$left_out $engine"
        done
    done
    mine=$(median "$work/ms.fusiform") mine_least=$(least "$work/ms.fusiform")
    echo "$network, batch $batch, threads $threads: fusiform $mine ms a picture, least $mine_least (median of $rounds rounds)"
    for engine in $engines; do
        [ -s "$work/ms.$engine" ] || continue
        theirs=$(median "$work/ms.$engine") theirs_least=$(least "$work/ms.$engine")
        awk -v e="$engine" -v a="$mine" -v b="$theirs" -v c="$mine_least" -v d="$theirs_least" \
            'BEGIN {printf "  %-17s %8.2f  least %8.2f   ratio of medians %.2f, of least %.2f\n", e, b, d, a / b, c / d}'
    done
    [ -z "$left_out" ] || echo "  not installed or not for this row:$left_out"
done
