# SPDX-License-Identifier: MIT
"""One engine beside fusiform. Loads a network once and prints `ready`; then each line `N` of standard input asks
for N timed passes after a warm one, answered with their median and least time in ms a picture.

usage: python3 tests/bench/peer.py ENGINE NETWORK BATCH THREADS [FOLDER]
  ENGINE   eager | channels_last | optimised | compile | compile_frozen (PyTorch), openvino | openvino_default, ncnn
  NETWORK  resnet50 | clip_rn50      FOLDER  what models.py wrote (OpenVINO, ncnn)
OpenVINO computes in bf16 by default where the processor has AMX, so `openvino` asks for f32.
"""
import os
import sys
import time

ENGINE, NETWORK, BATCH, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
FOLDER = sys.argv[5] if len(sys.argv) > 5 else "."


def of_torch():
    import torch
    from models import build
    torch.set_num_threads(THREADS)
    model, x = build(NETWORK), torch.randn(BATCH, 3, 224, 224)
    if ENGINE in ("channels_last", "compile", "compile_frozen"):
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        if ENGINE == "optimised":
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))
        if ENGINE.startswith("compile"):
            if ENGINE == "compile_frozen":
                import torch._inductor.config
                torch._inductor.config.freezing = True
            model = torch.compile(model)

    def forward():
        with torch.no_grad():
            model(x)
    return forward


def of_openvino():
    import numpy
    import openvino
    options = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
    if ENGINE == "openvino":
        options["INFERENCE_PRECISION_HINT"] = "f32"
    core = openvino.Core()
    model = core.read_model(os.path.join(FOLDER, NETWORK + ".onnx"))
    model.reshape([BATCH, 3, 224, 224])
    request = core.compile_model(model, "CPU", options).create_infer_request()
    x = numpy.random.default_rng(0).standard_normal((BATCH, 3, 224, 224)).astype(numpy.float32)
    return lambda: request.infer({0: x}, share_inputs=True)


def of_ncnn():
    import ncnn
    import numpy
    net = ncnn.Net()
    net.opt.num_threads, net.opt.use_fp16_arithmetic, net.opt.use_bf16_storage = THREADS, False, False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = False
    net.load_param(os.path.join(FOLDER, NETWORK + ".ncnn.param"))
    net.load_model(os.path.join(FOLDER, NETWORK + ".ncnn.bin"))
    x = ncnn.Mat(numpy.random.default_rng(0).standard_normal((3, 224, 224)).astype(numpy.float32))

    def forward():
        for _ in range(BATCH):
            with net.create_extractor() as extractor:
                extractor.input("in0", x)
                extractor.extract("out0")
    return forward


def seconds(forward):
    begin = time.perf_counter()
    forward()
    return time.perf_counter() - begin


def main():
    start = {"openvino": of_openvino, "openvino_default": of_openvino, "ncnn": of_ncnn}.get(ENGINE, of_torch)
    forward = start()
    for _ in range(3):
        forward()
    print("ready", flush=True)
    for line in sys.stdin:
        forward()
        took = sorted(seconds(forward) * 1e3 / BATCH for _ in range(int(line)))
        print(f"{took[len(took) // 2]:.3f} {took[0]:.3f}", flush=True)


main()
