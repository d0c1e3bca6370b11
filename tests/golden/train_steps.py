#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden values of learning: two steps of small networks by PyTorch in double.

usage: tests/golden/train_steps.py      (in any folder; needs Debian's python3-torch and -torchvision)

Writes train_steps.txt beside itself. Of each family
  family NAME LOSS CLASSIFICATION LANGUAGE     the first step's: the sum with its weights, then each loss as it is
  grad TENSOR N LARGEST PROJECTION VALUES      its gradients
  stat ...                                     running statistics after it
  sgd ..., adamw ...                           parameters after two steps on the same batch, so that momentum counts
N is the tensor's number of elements, LARGEST its largest absolute value, PROJECTION the sum of element i times
values(7)[i], which sees every element. VALUES are all elements of a tensor of up to SAMPLES, else element
(k * 2654435769 mod 2^32) * N / 2^32 (whole part) for k = 0 .. SAMPLES-1.

Parameters and batch come from a counter (function values), so that tests/train_steps.h makes the same ones
without a file; all are floats. Biases are about -0.5: with 0, a channel of the stem could be above 0 everywhere
behind the max pool. Then the next norms take its bias away, the gradient of the bias is 0, and AdamW divides its
rounding errors by each other. Labels: i^2 + i mod 5. Loss: cross-entropy with smoothing 0.1, plus half the language
loss, if any: 1 - cosine, MSE, or InfoNCE against the targets at a fixed temperature of 0.07. CLIP: InfoNCE of
pictures and texts with a learned temperature; a text is the mean of its words' vectors. Decay is that of tensors
with two and more dimensions.
"""
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet

from networks import AttentionPool, CifarBlock, ClipBlock

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, CLASSES, LANGUAGE, EMBEDDING, WORDS, SAMPLES = 6, 5, 6, 7, 9, 8
SMOOTH, LANGUAGE_WEIGHT, TEMPERATURE = 0.1, 0.5, 0.07


def values(seed, *shape):
    """Floats, uniform in -1 .. 1: SplitMix64 of the counter seed * 2^32 + 1, 2, 3 ..."""
    with np.errstate(over="ignore"):
        z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) + np.uint64(seed << 32)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)) / 2.0 ** 52 - 1).astype(np.float32).astype(np.float64).reshape(shape)


def seed_of(name):
    """FNV-1a, 32 bits."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 % 2 ** 32
    return h


# ---- networks ----

class Net(nn.Module):
    """Two stages of torchvision's, CIFAR's or CLIP's blocks behind their stem, with narrow layers."""

    def __init__(self, block, widths, n_blocks, lang=False, hidden=0):
        super().__init__()
        self.block, cin = block, widths[0]
        self.relu = nn.ReLU()
        if block is ClipBlock:
            cin = 8
            for i, (a, b, stride) in enumerate([(3, 4, 2), (4, 4, 1), (4, 8, 1)]):
                self.add_module(f"conv{i + 1}", nn.Conv2d(a, b, 3, stride, 1, bias=False))
                self.add_module(f"bn{i + 1}", nn.BatchNorm2d(b))
        else:
            k, stride = (3, 1) if block is CifarBlock else (7, 2)
            self.conv1, self.bn1 = nn.Conv2d(3, cin, k, stride, k // 2, bias=False), nn.BatchNorm2d(cin)
        for i, planes in enumerate(widths):
            stage = []
            for j in range(n_blocks[i]):
                stage.append(self.make_block(cin, planes, 2 if i and not j else 1))
                cin = planes * (4 if block in (ClipBlock, resnet.Bottleneck) else 1)
            self.add_module(f"layer{i + 1}", nn.Sequential(*stage))
        if block is ClipBlock:
            self.attnpool, self.text = AttentionPool(4, cin, 2, EMBEDDING), nn.Linear(WORDS, EMBEDDING, bias=False)
            self.logit_scale = nn.Parameter(torch.zeros(()))
            return
        self.fc = nn.Linear(cin, CLASSES)
        if lang:
            self.lang_head = nn.Linear(cin, LANGUAGE)
            if hidden:
                self.lang_head = nn.Sequential(nn.Linear(cin, hidden), nn.ReLU(), nn.Linear(hidden, LANGUAGE))

    def make_block(self, cin, planes, stride):
        if self.block in (ClipBlock, CifarBlock):
            return self.block(cin, planes, stride)
        out, down = planes * self.block.expansion, None
        if stride > 1 or cin != out:
            down = nn.Sequential(nn.Conv2d(cin, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        return self.block(cin, planes, stride, down)

    def features(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        if self.block is ClipBlock:
            x = self.relu(self.bn3(self.conv3(self.relu(self.bn2(self.conv2(x))))))
            return self.attnpool(self.layer2(self.layer1(F.avg_pool2d(x, 2))))
        if self.block is not CifarBlock:
            x = F.max_pool2d(x, 3, 2, 1)
        return self.layer2(self.layer1(x)).mean((2, 3))


FAMILIES = {  # block, widths of the two stages, blocks, ..., language loss
    "basic": (dict(block=resnet.BasicBlock, widths=(6, 20), n_blocks=(1, 1)), None),
    "bottleneck": (dict(block=resnet.Bottleneck, widths=(4, 6), n_blocks=(1, 2)), None),
    "cifar": (dict(block=CifarBlock, widths=(4, 10), n_blocks=(1, 2)), None),
    "lang": (dict(block=resnet.Bottleneck, widths=(4, 6), n_blocks=(1, 1), lang=True), "cosine"),
    "lang2": (dict(block=resnet.BasicBlock, widths=(4, 8), n_blocks=(1, 1), lang=True, hidden=10), "cosine"),
    "mse": (dict(block=resnet.BasicBlock, widths=(4, 8), n_blocks=(1, 1), lang=True), "mse"),
    "infonce": (dict(block=resnet.BasicBlock, widths=(4, 8), n_blocks=(1, 1), lang=True), "infonce"),
    "clip": (dict(block=ClipBlock, widths=(4, 8), n_blocks=(1, 1)), None),
    "frozen": (dict(block=resnet.Bottleneck, widths=(4, 6), n_blocks=(1, 1), lang=True), "cosine"),
}


def fill(net):
    with torch.no_grad():
        for name, p in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            v = values(seed_of(name), *p.shape)
            if name == "logit_scale":
                v = np.log(1 / TEMPERATURE)
            elif name.endswith("running_var") or p.dim() == 1 and name.endswith(".weight"):
                v = 1 + 0.2 * v
            else:
                v = v * np.sqrt(2 / np.prod(p.shape[1:])) if p.dim() > 1 else 0.1 * v - 0.5
            p.copy_(torch.from_numpy(np.asarray(v, np.float32)))


# ---- losses ----

def infonce(u, v, log_scale):
    logits, own = log_scale.exp() * F.normalize(u, dim=1) @ F.normalize(v, dim=1).T, torch.arange(len(u))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def losses(net, kind, batch):
    """The weighted sum, classification, language."""
    f, zero = net.features(batch["input"]), torch.zeros(())
    if net.block is ClipBlock:
        words = batch["words"]
        loss = infonce(f, net.text(words / words.sum(1, keepdim=True)), net.logit_scale)
        return loss, zero, loss
    classify, language = F.cross_entropy(net.fc(f), batch["label"], label_smoothing=SMOOTH), zero
    if kind == "cosine":
        language = (1 - F.cosine_similarity(net.lang_head(f), batch["target"])).mean()
    elif kind == "mse":
        language = F.mse_loss(net.lang_head(f), batch["target"])
    elif kind == "infonce":
        language = infonce(net.lang_head(f), batch["target"], -torch.tensor(TEMPERATURE).log())
    return classify + LANGUAGE_WEIGHT * language, classify, language


def make_batch(side):
    words = values(1003, BATCH, WORDS) > 0
    words[:, 0] = True
    target = F.normalize(torch.from_numpy(values(1002, BATCH, LANGUAGE)), dim=1).float().double()
    return dict(input=torch.from_numpy(values(1001, BATCH, 3, side, side)), target=target,
                words=torch.from_numpy(words.astype(float)), label=torch.tensor([(i * i + i) % CLASSES for i in range(BATCH)]))


# ---- steps ----

def optimiser(net, rule):
    matrices, vectors = [p for p in net.parameters() if p.dim() > 1], [p for p in net.parameters() if p.dim() <= 1]
    groups = [dict(params=matrices, weight_decay=5e-4 if rule == "sgd" else 0.05), dict(params=vectors, weight_decay=0)]
    if rule == "sgd":
        return torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=0.002, betas=(0.9, 0.98), eps=1e-6)


def describe(what, name, tensor, digits):
    """Rounded to so many digits of the largest value; what is 0 but for rounding is 0."""
    v = tensor.detach().numpy().ravel()
    largest = abs(v).max()
    decimals = digits - 1 - int(np.floor(np.log10(largest))) if largest > 1e-14 else 14
    at = np.arange(v.size) if v.size <= SAMPLES else [(k * 2654435769 % 2 ** 32) * v.size >> 32 for k in range(SAMPLES)]
    numbers = [largest, float(values(7, v.size) @ v)] + [v[i] for i in at]
    return f"{what} {name} {v.size} " + " ".join(f"{round(x, decimals) + 0:.{digits + 2}g}" for x in numbers)


def family(name):
    shape, kind = FAMILIES[name]
    net, batch, lines = Net(**shape).double(), make_batch(16 if name == "cifar" else 32), []
    fill(net)
    start = {k: v.clone() for k, v in net.state_dict().items()}
    for rule in ("sgd", "adamw"):
        net.load_state_dict(start)
        net.train(name != "frozen")
        opt = optimiser(net, rule)
        for step in range(2):
            opt.zero_grad()
            loss = losses(net, kind, batch)
            loss[0].backward()
            if rule == "sgd" and step == 0:
                lines.append(f"family {name} " + " ".join(f"{x.item():.13g}" for x in loss))
                lines += [describe("grad", k, p.grad, 11) for k, p in net.named_parameters()]
                if net.training:
                    lines += [describe("stat", k, v, 11) for k, v in net.state_dict().items() if "running" in k]
            opt.step()
        lines += [describe(rule, k, p, 8) for k, p in net.named_parameters()]
    print(f"{name}: loss {loss[0].item():.9g} after two steps, {sum(p.numel() for p in net.parameters())} parameters")
    return lines


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    with open(os.path.join(HERE, "train_steps.txt"), "w") as f:
        for each in FAMILIES:
            f.write("\n".join(family(each)) + "\n")
