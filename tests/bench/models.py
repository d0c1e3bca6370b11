# SPDX-License-Identifier: MIT
"""The two networks of the comparison, with random weights, for PyTorch: models.build("resnet50" or "clip_rn50").

usage: python3 tests/bench/models.py FOLDER      writes resnet50.onnx, clip_rn50.onnx (any batch) and ncnn's files there
(needs torch, torchvision, scipy and pillow; pnnx, where it is installed, writes ncnn's two files)
"""
import os
import subprocess
import sys

import torch
import torchvision

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))


def build(name):
    torch.manual_seed(0)
    if name == "resnet50":
        model = torchvision.models.resnet50(weights=None)
    else:
        from networks import Clip
        model = Clip(64, [64, 128, 256, 512], [3, 4, 6, 3], 224, 1024)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in ("resnet50", "clip_rn50"):
        model, x = build(name), torch.randn(1, 3, 224, 224)
        old = {} if torch.__version__ < "2.5" else {"dynamo": False}
        torch.onnx.export(model, x, os.path.join(folder, name + ".onnx"), input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, opset_version=17, **old)
        torch.jit.trace(model, x).save(os.path.join(folder, name + ".pt"))
        try:
            subprocess.run(["pnnx", name + ".pt", "inputshape=[1,3,224,224]", "fp16=0"], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            print(name, "for ncnn: pnnx is not installed or failed, left out")


if __name__ == "__main__":
    main()
