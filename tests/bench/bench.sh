#!/bin/sh
# Speed beside the engines one would use instead: tests/bench/bench.sh PROGRAM [ROUNDS]. In turns in one run, since machines are noisy;
# medians of all rounds and ratios at the end. A peer that is not installed is left out with a word.
#   ONNX Runtime: npm install onnxruntime-node and rn50.onnx, clip.onnx in $PEERS    PyTorch: Debian's python3-torch, python3-torchvision
#   oneDNN's convolutions alone (Winograd): libdnnl-dev    OpenBLAS's products alone, without im2col: libopenblas-dev
program=${1:-./fusiform} rounds=${2:-7}
peers=${PEERS:-build/peers}
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
  console.log(ms.sort((a, b) => a - b)[ms.length >> 1].toFixed(3));
})();
JS
cat >"$work/torch.py" <<'PY'
import sys, time, torch, torchvision
batch, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
m = torchvision.models.resnet50(weights=None).eval()
x = torch.randn(batch, 3, 224, 224)
with torch.no_grad():
    m = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(m, x)))
    ms = []
    for i in range(12):
        s = time.perf_counter()
        m(x)
        ms.append((time.perf_counter() - s) * 1e3 / batch)
print(f"{sorted(ms[2:])[5]:.3f}")
PY

ours() { # ours MODEL BATCH THREADS [OPTIONS]
    m=$1 b=$2 t=$3
    shift 3
    "$program" bench --model "$m" --batch "$b" --threads "$t" --rounds 10 --csv "$@" 2>/dev/null | sed -n 's/^total,\([0-9.]*\),.*/\1/p'
}
have_ort=$(command -v node >/dev/null && [ -d "$peers/node_modules/onnxruntime-node" ] && [ -f "$peers/rn50.onnx" ] && echo 1)
have_torch=$(/usr/bin/python3 -c 'import torch, torchvision' 2>/dev/null && echo 1)
${CC:-cc} -O2 tests/bench/onednn.c -o "$work/onednn" -ldnnl 2>/dev/null || echo "oneDNN: not installed, left out"
${CC:-cc} -O2 tests/bench/openblas.c -o "$work/openblas" -lopenblas 2>/dev/null || echo "OpenBLAS: not installed, left out"
sh tests/bench/convs.sh >"$work/convs"
[ -n "$have_ort" ] || echo "ONNX Runtime: not in $peers, left out"
[ -n "$have_torch" ] || echo "PyTorch: not installed, left out"
peers=$(cd "$peers" 2>/dev/null && pwd)

median() { sort -n "$1" | awk '{v[NR] = $1} END {if (NR) print v[int((NR + 1) / 2)]}'; }
for setting in "resnet50 1 1" "resnet50 1 2" "resnet50 8 1" "resnet50 8 2" "clip_rn50 1 1" "clip_rn50 1 2"; do
    set -- $setting
    net=$1 batch=$2 threads=$3 onnx=rn50.onnx
    [ "$net" = clip_rn50 ] && onnx=clip.onnx
    rm -f "$work"/ms.*
    for round in $(seq "$rounds"); do
        ours "random:$net?seed=1" "$batch" "$threads" >>"$work/ms.fusiform"
        ours "random:$net?seed=1" "$batch" "$threads" --conv direct >>"$work/ms.direct"
        [ -z "$have_ort" ] || node "$work/ort.js" "$peers" "$peers/$onnx" "$batch" "$threads" >>"$work/ms.ort" 2>/dev/null
        [ -z "$have_torch" ] || [ "$net" != resnet50 ] ||
            /usr/bin/python3 "$work/torch.py" "$batch" "$threads" >>"$work/ms.torch" 2>/dev/null
        [ ! -x "$work/onednn" ] || [ "$net" != resnet50 ] ||
            OMP_NUM_THREADS=$threads "$work/onednn" winograd "$batch" 8 <"$work/convs" >>"$work/ms.onednn"
        [ ! -x "$work/openblas" ] || [ "$net $batch" != "resnet50 1" ] ||
            OPENBLAS_NUM_THREADS=$threads "$work/openblas" 8 <"$work/convs" >>"$work/ms.openblas"
    done
    mine=$(median "$work/ms.fusiform")
    printf '%-10s batch %s threads %s: fusiform %s ms a picture' "$net" "$batch" "$threads" "$mine"
    for peer in direct ort torch onednn openblas; do
        [ -s "$work/ms.$peer" ] || continue
        theirs=$(median "$work/ms.$peer")
        printf ', %s %s (ratio %s)' "$peer" "$theirs" "$(awk "BEGIN {printf \"%.2f\", $mine / $theirs}")"
    done
    echo
done
