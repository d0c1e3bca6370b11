#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden networks: one small network of every family with its activations, and a localizer's table, by PyTorch.

usage: tests/golden/networks.py      (in any folder; needs Debian's python3-torch, -torchvision, -scipy and -pil)

Writes beside itself
  net_scene.jpg, net_blobs.png, net_grey.pgm    pictures drawn here
  net_set/CATEGORY/*                            three categories of six small pictures
  net_*.pth, *.pt, *.safetensors                networks with the public checkpoints' parameter names, a format each
  net_activations.txt                           input, every layer and every output of each network
  net_localizer.txt                             what a functional localizer finds with the CIFAR network and net_set

The two ResNets with a 7x7 stem run torchvision's own blocks and forward; CLIP's tower follows OpenAI's model.py (MIT) with
PyTorch's own multi-head attention. The networks compute in double from the values as the files hold them, so that what the C
code differs by is its own rounding; the input tensors are torchvision's, in float. Weights are He's (fan-in), batch-norm
statistics those of one pass over pictures, then changed by up to a third.
"""
import collections
import hashlib
import io
import json
import os
import struct
import zipfile

import numpy as np
import torch
from PIL import Image
from scipy import stats
from torch import nn
from torch.nn import functional as F
from torchvision import transforms as T
from torchvision.models import resnet

from torch_make import fixed_keys, rezip, saved

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = 34
IMAGENET = T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP = T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
BILINEAR, BICUBIC = T.InterpolationMode.BILINEAR, T.InterpolationMode.BICUBIC


def here(name):
    return os.path.join(HERE, name)


# ---- pictures ----

def draw_pictures():
    y, x = np.mgrid[0:200, 0:300]
    sky = np.stack([90 + y * 0.4, 130 + y * 0.3, 220 - y * 0.5], 2)
    house = ((abs(x - 110) < 60) & (y > 90) | (y > 30) & (y < 91) & (abs(x - 110) < y - 30))[..., None]
    sun = (np.hypot(x - 240, y - 45) < 25)[..., None]
    ripple = 12 * np.sin(x / 3.0) * np.cos(y / 5.0)
    scene = np.where(sun, [250, 240, 120], np.where(house, [170, 60, 50], sky)) + ripple[..., None]
    save("net_scene.jpg", scene, quality=80)
    y, x = np.mgrid[0:140, 0:100]
    blobs = np.stack([128 + 120 * np.sin(x / 9 + k) * np.cos(y / (11 + 3 * k) - k) for k in range(3)], 2)
    save("net_blobs.png", np.round(blobs / 16) * 16)
    y, x = np.mgrid[0:44, 0:60]
    save("net_grey.pgm", 255 * ((x // 7 + y // 5) % 2) * np.exp(-((x - 30) ** 2 + (y - 20) ** 2) / 900))


def save(name, values, **options):
    Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).save(here(name), **options)


def draw_set():
    """Discs (colour, PNG, to be resized), gratings (grey, PGM), checkerboards (colour, PPM)."""
    rng = np.random.default_rng(1)
    for category in ("checks", "discs", "stripes"):
        os.makedirs(here("net_set/" + category), exist_ok=True)
    for i in range(1, 7):
        y, x = np.mgrid[0:38, 0:45]
        inside = np.hypot(x - rng.uniform(20, 25), y - rng.uniform(17, 21)) < rng.uniform(11, 14)
        save(f"net_set/discs/{i}.png", np.where(inside[..., None], rng.uniform(190, 255, 3), rng.uniform(0, 60, 3)))
        y, x = np.mgrid[0:32, 0:32]
        grating = np.sin(2 * np.pi * (x + y * rng.uniform(-0.1, 0.1)) / 6 + rng.uniform(0, 0.8))
        save(f"net_set/stripes/{i}.pgm", 128 + rng.uniform(80, 120) * grating)
        on = ((x + rng.integers(3)) // 8 + (y + rng.integers(3)) // 8) % 2
        save(f"net_set/checks/{i}.ppm", on[..., None] * rng.uniform(120, 220, 3) + rng.uniform(0, 30, (32, 32, 3)))


# ---- networks ----

def torchvision_net(block, stem, planes, n_blocks, classes):
    """torchvision's ResNet, narrow: its blocks and its forward, other numbers of channels."""
    m = resnet.ResNet(block, [1, 1, 1, 1], num_classes=classes)
    m.conv1, m.bn1, m.inplanes = nn.Conv2d(3, stem, 7, 2, 3, bias=False), nn.BatchNorm2d(stem), stem
    for i in range(4):
        setattr(m, f"layer{i + 1}", m._make_layer(block, planes[i], n_blocks[i], stride=2 if i else 1))
    m.fc = nn.Linear(planes[3] * block.expansion, classes)
    return m


class Lang(nn.Module):
    """A ResNet with a language head of two layers beside its classifier."""

    def __init__(self):
        super().__init__()
        for name, child in torchvision_net(resnet.BasicBlock, 4, (4, 6, 8, 16), (1, 1, 1, 1), 7).named_children():
            self.add_module(name, child)
        self.lang_head = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 18))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        f = torch.flatten(self.avgpool(self.layer4(self.layer3(self.layer2(self.layer1(x))))), 1)
        return self.fc(f), self.lang_head(f)


class CifarBlock(nn.Module):
    def __init__(self, cin, planes, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)
        self.relu, self.added = nn.ReLU(), planes - cin

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.added:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added // 2))
        return self.relu(y + x)


class Cifar(nn.Module):
    """He et al. 2016, section 4.2, option A; names as in the public CIFAR checkpoints."""

    def __init__(self, widths, n_blocks):
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        cin = widths[0]
        for i, planes in enumerate(widths):
            stage = [CifarBlock(cin if b == 0 else planes, planes, 2 if i and b == 0 else 1) for b in range(n_blocks[i])]
            self.add_module(f"layer{i + 1}", nn.Sequential(*stage))
            cin = planes
        self.avgpool, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(cin, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        return self.linear(self.avgpool(x).flatten(1))


class ClipBlock(nn.Module):
    def __init__(self, cin, planes, stride):
        super().__init__()
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(cin, planes, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3, self.bn3, self.relu3 = nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes), nn.ReLU()
        self.downsample = None
        if stride > 1 or cin != 4 * planes:
            self.downsample = nn.Sequential(collections.OrderedDict([
                ("-1", nn.AvgPool2d(stride)), ("0", nn.Conv2d(cin, 4 * planes, 1, bias=False)), ("1", nn.BatchNorm2d(4 * planes))]))

    def forward(self, x):
        y = self.avgpool(self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))))
        return self.relu3(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class AttentionPool(nn.Module):
    def __init__(self, side, dim, heads, out):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(side * side + 1, dim))
        self.k_proj, self.q_proj, self.v_proj, self.c_proj = (nn.Linear(dim, dim) for _ in range(4))
        self.c_proj, self.heads = nn.Linear(dim, out), heads

    def forward(self, x):
        x = x.flatten(2).permute(2, 0, 1)
        x = torch.cat([x.mean(0, keepdim=True), x], 0) + self.positional_embedding[:, None]
        return F.multi_head_attention_forward(
            x[:1], x, x, x.shape[2], self.heads, None, torch.cat([self.q_proj.bias, self.k_proj.bias, self.v_proj.bias]), None,
            None, False, 0, self.c_proj.weight, self.c_proj.bias, training=False, need_weights=False, use_separate_proj_weight=True,
            q_proj_weight=self.q_proj.weight, k_proj_weight=self.k_proj.weight, v_proj_weight=self.v_proj.weight)[0].squeeze(0)


class Clip(nn.Module):
    """The image tower: stem of three convolutions, average-pool down-sampling, attention pooling; heads = width * 32 / 64."""

    def __init__(self, width, planes, n_blocks, side, out):
        super().__init__()
        half = width // 2
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(3, half, 3, 2, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU()
        self.conv2, self.bn2, self.relu2 = nn.Conv2d(half, half, 3, padding=1, bias=False), nn.BatchNorm2d(half), nn.ReLU()
        self.conv3, self.bn3, self.relu3 = nn.Conv2d(half, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        self.avgpool, cin = nn.AvgPool2d(2), width
        for i in range(4):
            stage = [ClipBlock(cin if b == 0 else 4 * planes[i], planes[i], 2 if i and b == 0 else 1) for b in range(n_blocks[i])]
            self.add_module(f"layer{i + 1}", nn.Sequential(*stage))
            cin = 4 * planes[i]
        self.attnpool = AttentionPool(side // 32, cin, width // 2, out)

    def forward(self, x):
        for i in "123":
            x = getattr(self, "relu" + i)(getattr(self, "bn" + i)(getattr(self, "conv" + i)(x)))
        return self.attnpool(self.layer4(self.layer3(self.layer2(self.layer1(self.avgpool(x))))))


# ---- parameters ----

def randomise(model, seed, pictures, kept):
    """Fills a double model; every value is one that `kept` (a dtype; batch norm: float) can hold."""
    rng = np.random.default_rng(seed)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:
                continue
            fan = p[0].numel() if "positional" not in name else 4
            p.copy_(torch.from_numpy(rng.standard_normal(p.shape) * ((2 if p.dim() == 4 else 1) / fan) ** 0.5).to(kept))
        for m in model.modules():
            if isinstance(m, nn.Linear):
                m.bias.copy_(torch.from_numpy(0.2 * rng.standard_normal(m.bias.shape)).to(kept))
        for m in norms:
            m.weight.copy_(torch.from_numpy(rng.uniform(0.3, 1.3, m.num_features)).float())
            m.bias.copy_(torch.from_numpy(0.3 * rng.standard_normal(m.num_features)).float())
            m.momentum = 1.0
        model.train()
        model(pictures)
        for m in norms:
            spread, size = m.running_var.sqrt(), m.num_features
            m.running_mean += torch.from_numpy(rng.uniform(-0.3, 0.3, size)) * spread
            m.running_var *= torch.from_numpy(rng.uniform(0.7, 1.4, size))
            m.running_mean.copy_(m.running_mean.float())
            m.running_var.copy_(m.running_var.float())
            m.num_batches_tracked.fill_(1)
    return model.eval()


def state(model, kept, prefix=""):
    """What a file holds: batch norm in float, the rest as `kept`."""
    norms = {n for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    dtype = lambda k: torch.int64 if k.endswith("tracked") else torch.float32 if k.rpartition(".")[0] in norms else kept
    return collections.OrderedDict((prefix + k, v.detach().to(dtype(k))) for k, v in model.state_dict().items())


def write(name, data):
    with open(here(name), "wb") as f:
        f.write(data)


def safetensors(tensors, metadata):
    codes = {torch.bfloat16: "BF16", torch.float32: "F32", torch.int64: "I64"}
    header, body = {"__metadata__": metadata}, b""
    for k, v in tensors.items():
        data = (v.contiguous().view(torch.int16) if v.dtype == torch.bfloat16 else v.contiguous()).numpy().tobytes()
        header[k] = {"dtype": codes[v.dtype], "shape": list(v.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


class Holder(nn.Module):
    """OpenAI's archive: the image tower under `visual`, beside a text tower."""

    def __init__(self, visual):
        super().__init__()
        self.visual = visual
        self.token_embedding = nn.Embedding(3, 4)
        self.token_embedding.weight.data = torch.arange(12.0).reshape(3, 4)

    def forward(self, x):
        return x + self.visual.conv1.weight.float().sum()


def torchscript(model, kept):
    for k, v in state(model, kept).items():
        owner, _, part = k.rpartition(".")
        module = model.get_submodule(owner)
        if part in module._parameters:
            module._parameters[part].data = v
        else:
            module._buffers[part] = v
    f = io.BytesIO()
    torch.jit.save(torch.jit.trace(Holder(model), torch.zeros(1)), f)
    return rezip(f.getvalue(), zipfile.ZIP_DEFLATED, lambda name, body: None if name.endswith(".debug_pkl") else body)


# ---- activations ----

def taps(model):
    """(name, module, which of its calls): torchvision's and CIFAR's blocks call one ReLU two or three times."""
    clip = isinstance(model, Clip)
    out = [("relu1", "relu1", 0), ("relu2", "relu2", 0), ("relu", "relu3", 0)] if clip else [("relu", "relu", 0)]
    for name, m in model.named_modules():
        if name.startswith("layer") and hasattr(m, "conv1"):
            n = 3 if hasattr(m, "conv3") else 2
            calls = [name + (f".relu{i + 1}" if clip else ".relu") for i in range(n)]
            out += [(name + (f".relu{i + 1}" if i + 1 < n else ".relu"), calls[i], 0 if clip else i) for i in range(n)]
    heads = {"avgpool": "avgpool", "fc": "fc", "linear": "fc", "lang_head": "lang_head", "attnpool": "attnpool"}
    return out + [(heads[n], n, 0) for n, _ in model.named_children() if n in heads and not (clip and n == "avgpool")]


def activations(model, x):
    """{tap: (N,C,H,W) or (N,D)} of pictures x."""
    calls, hooks = collections.defaultdict(list), []
    for module in {m for _, m, _ in taps(model)}:
        hooks.append(model.get_submodule(module).register_forward_hook(
            lambda m, i, o, module=module: calls[module].append(o.detach().clone())))
    with torch.no_grad():
        model(x)
    for h in hooks:
        h.remove()
    return {tap: calls[module][i].numpy() for tap, module, i in taps(model)}


def open_picture(name, preprocess):
    return preprocess(Image.open(here(name)).convert("RGB"))[None]


def describe(name, model, preprocess, pictures, lines):
    """Input's SHA-256; of each tap shape, largest |x|, mean |x| and sampled values."""
    rng, worst = np.random.default_rng(2), 0
    lines.append(f"network {name}")
    for picture in pictures:
        x = open_picture(picture, preprocess)
        lines.append(f"picture {picture} {hashlib.sha256(x.numpy().astype('<f4').tobytes()).hexdigest()}")
        values, rough = activations(model, x.double()), activations(model.float(), x)
        model.double()
        for tap, v in values.items():
            c, h, w = (v.shape[1:] + (1, 1))[:3]
            most, v = abs(v).max(), v.ravel()
            worst = max(worst, abs(rough[tap].ravel() - v).max() / most)
            at = np.unique(np.r_[rng.integers(v.size, size=SAMPLES), 0, v.size - 1, abs(v).argmax()])
            lines.append(f"tap {tap} {c} {h} {w} {most:.9g} {abs(v).mean():.9g} {len(at)}")
            lines.append(" ".join(f"{i} {v[i]:.8g}" for i in at))
    print(f"{name}: PyTorch's float is {worst:.1e} of a layer's maximum off, {len(values)} taps")


def networks():
    """Draws, writes and describes all of them; returns the CIFAR network and its preprocessing."""
    seen = ["net_scene.jpg", "net_blobs.png", "net_grey.pgm"]
    half, lines = torch.float16, []
    torchvision = T.Compose([T.Resize(256, BILINEAR), T.CenterCrop(224), T.ToTensor(), IMAGENET])
    explicit = T.Compose([T.Resize(72, BICUBIC), T.CenterCrop(64), T.ToTensor(), T.Normalize((0.5,) * 3, (0.25,) * 3)])
    cifar = T.Compose([T.Resize(32, BILINEAR), T.CenterCrop(32), T.ToTensor(), IMAGENET])
    clip = T.Compose([T.Resize(64, BICUBIC), T.CenterCrop(64), T.ToTensor(), CLIP])
    large = T.Compose([T.Resize(384, BICUBIC), T.CenterCrop(384), T.ToTensor(), CLIP])
    todo = [
        ("net_bottleneck.pth", torchvision_net(resnet.Bottleneck, 8, (4, 8, 8, 12), (1, 2, 1, 1), 9), torchvision, half),
        ("net_basic.safetensors", torchvision_net(resnet.BasicBlock, 8, (8, 12, 12, 16), (1, 1, 2, 1), 5), explicit, torch.bfloat16),
        ("net_lang.pth", Lang(), torchvision, torch.float32),
        ("net_cifar.pth", Cifar((8, 16, 32), (1, 2, 1)), cifar, half),
        ("net_clip.pt", Clip(6, (4, 6, 8, 12), (1, 2, 1, 1), 64, 24), clip, half),
        ("net_clip_12x12.pth", Clip(6, (4, 6, 8, 12), (1, 1, 1, 2), 384, 24), large, half),  # the side and grid of RN50x16
    ]
    made = {}
    for i, (name, model, preprocess, kept) in enumerate(todo):
        randomise(model.double(), 10 + i, torch.cat([open_picture(p, preprocess) for p in seen]).double(), kept)
        describe(name, model, preprocess, [seen[i % 3], seen[(i + 1) % 3]], lines)
        made[name] = (model, preprocess)
    m = {name: model for name, (model, _) in made.items()}
    write("net_bottleneck.pth", saved({"epoch": 3, "state_dict": state(m["net_bottleneck.pth"], half, "module.")}))
    write("net_basic.safetensors", safetensors(state(m["net_basic.safetensors"], torch.bfloat16), {
        "format": "pt", "fusiform.input": "64",
        "fusiform.preprocess": "resize=72,interp=bicubic,crop=64,mean=.5/.5/.5,std=.25/.25/.25"}))
    write("net_lang.pth", rezip(saved(state(m["net_lang.pth"], torch.float32)), zipfile.ZIP_DEFLATED))
    write("net_cifar.pth", fixed_keys(saved({"state_dict": state(m["net_cifar.pth"], half, "module."), "best_prec1": 10.0},
                                            _use_new_zipfile_serialization=False)))
    write("net_clip.pt", torchscript(m["net_clip.pt"], half))
    write("net_clip_12x12.pth", saved(state(m["net_clip_12x12.pth"], half, "visual.")))
    write("net_activations.txt", ("\n".join(lines) + "\n").encode())
    return made["net_cifar.pth"]


# ---- the localizer, the plain way ----

def benjamini_hochberg(p):
    order = np.argsort(p, kind="stable")
    q = np.empty_like(p)
    q[order] = np.minimum(1, np.minimum.accumulate((p[order] * p.size / np.arange(1, p.size + 1))[::-1])[::-1])
    return q


def label_units(x, alpha=0.05):
    """x: responses [pictures, units] of each category -> the label of each unit, -1 for none."""
    label = np.full(x[0].shape[1], -1, np.int8)
    for c, mine in enumerate(x):
        pairs = []
        for other in x[:c] + x[c + 1:]:
            a, b = mine.var(0, ddof=1) / len(mine), other.var(0, ddof=1) / len(other)
            with np.errstate(all="ignore"):
                t = (mine.mean(0) - other.mean(0)) / np.sqrt(a + b)
                df = (a + b) ** 2 / (a ** 2 / (len(mine) - 1) + b ** 2 / (len(other) - 1))
            pairs.append(np.where(a + b > 0, stats.t.sf(t, df), 1.0))
        above = np.all([mine.mean(0) > other.mean(0) for other in x[:c] + x[c + 1:]], axis=0)
        label[(benjamini_hochberg(np.max(pairs, axis=0)) <= alpha) & above] = c
    return label


def layer_lines(tap, x, shape):
    """x: responses of each category in double."""
    label = label_units(x)
    out = [f"layer {tap} {label.size} {hashlib.sha256(label.tobytes()).hexdigest()}"]
    mean = np.array([v.mean(0) for v in x])
    for c in range(len(x)):
        chosen = label == c
        rest = np.delete(mean, c, 0).mean(0)
        with np.errstate(all="ignore"):
            csi = ((mean[c] - rest) / (mean[c] + rest))[chosen & (mean[c] + rest > 0)]
        place = chosen.reshape(shape).mean(0)
        out.append(f"{chosen.sum()} {csi.mean() if csi.size else np.nan:.12g} "
                   f"{place.std() / place.mean() if chosen.any() else np.nan:.12g}")
    return out, label


def localizer(model, preprocess):
    """Stem and block outputs, in double; PyTorch's float must find the same units, else some p is too close to call."""
    categories = sorted(os.listdir(here("net_set")))
    files = [sorted(os.listdir(here("net_set/" + c))) for c in categories]
    x = [torch.cat([open_picture(f"net_set/{c}/{f}", preprocess) for f in fs]) for c, fs in zip(categories, files)]
    fine = [activations(model.double(), v.double()) for v in x]
    rough = [activations(model.float(), v) for v in x]
    lines = [" ".join(categories)]
    for tap, _, _ in taps(model):
        if not tap.endswith("relu"):
            continue
        shape = fine[0][tap].shape[1:]
        out, label = layer_lines(tap, [v[tap].reshape(len(v[tap]), -1) for v in fine], shape)
        again = label_units([v[tap].reshape(len(v[tap]), -1).astype(float) for v in rough])
        assert (label == again).all(), f"{tap}: float and double disagree about {(label != again).sum()} units"
        lines += out
    write("net_localizer.txt", ("\n".join(lines) + "\n").encode())


def main():
    draw_pictures()
    draw_set()
    localizer(*networks())


if __name__ == "__main__":
    main()
