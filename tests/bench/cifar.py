# SPDX-License-Identifier: MIT
"""CIFAR pictures through ResNet-44 the Python way: a DataLoader with PIL, batches of 256, the best class of each.
tasks.py runs it beside `fusiform classify` on the same weights and pictures.

usage: PYTHON tests/bench/cifar.py WEIGHTS.safetensors PICTURES OUT THREADS [WORKERS]
Prints the seconds of each part and writes OUT/classes: FILE<TAB>CLASS, sorted.
"""
import glob
import os
import sys
import time

BEGIN = time.perf_counter()

import json
import struct

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

WEIGHTS, PICTURES, OUT, THREADS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
WORKERS = int(sys.argv[5]) if len(sys.argv) > 5 else 0
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class Block(nn.Module):
    """Two 3x3 convolutions; where the size changes, every second pixel and channels of zeros are added."""

    def __init__(self, before, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.more = stride, (channels - before) // 2

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        same = x if self.stride == 1 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more))
        return F.relu(out + same)


class Cifar(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        for stage, (before, channels) in enumerate(((16, 16), (16, 32), (32, 64))):
            stride = 2 if stage else 1
            row = [Block(before if i == 0 else channels, channels, stride if i == 0 else 1) for i in range(blocks)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*row))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class Pictures(torch.utils.data.Dataset):
    def __init__(self):
        self.files = sorted(glob.glob(os.path.join(PICTURES, "**", "*.png"), recursive=True))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        pixels = numpy.asarray(Image.open(self.files[i]).convert("RGB"), dtype=numpy.float32) / 255
        return ((torch.from_numpy(pixels) - MEAN) / STD).permute(2, 0, 1)


def read_safetensors(path):
    with open(path, "rb") as file:
        n, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(n)), file.read()
    return {name: torch.from_numpy(numpy.frombuffer(data[slice(*t["data_offsets"])], "<f4").reshape(t["shape"]).copy())
            for name, t in header.items() if name != "__metadata__"}


def main():
    torch.set_num_threads(THREADS)
    imported = time.perf_counter()
    model = Cifar(7)
    missing, unexpected = model.load_state_dict(read_safetensors(WEIGHTS), strict=False)
    assert not unexpected and all("num_batches" in name for name in missing), (missing, unexpected)
    model.eval()
    data = Pictures()
    classes = []
    with torch.no_grad():
        for x in torch.utils.data.DataLoader(data, batch_size=256, num_workers=WORKERS):
            classes += model(x).argmax(1).tolist()
    with open(os.path.join(OUT, "classes"), "w") as file:
        file.writelines(f"{name}\t{label}\n" for name, label in zip(data.files, classes))
    print(f"PARTS import {imported - BEGIN:.2f} pictures {time.perf_counter() - imported:.2f}")
    print(f"FOUND {len(classes)} pictures")


main()
