# SPDX-License-Identifier: MIT
"""tests/golden/names/*: one tiny network as wrappers, self-supervised methods and other libraries name it; read by
tests/cli_names.sh, which expects the canonical file's activations of each. Run from the root of the repository.

Needs Debian's python3-torch and python3-torchvision. Wrappers are PyTorch's own (DataParallel, AveragedModel, Sequential of
children) but for torch.compile, which Debian's PyTorch is too old for; what it and other libraries save is renamed here, by
their published sources.
"""
import collections
import copy
import json
import os
import struct

import torch
import torchvision
from torch import nn

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "names")
torch.manual_seed(12)


def resnet(cifar=False):
    """A torchvision ResNet of one block a stage and two channels; its values are exact in f16."""
    m = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=4)
    for child in list(m.modules()):
        for name, sub in list(child.named_children()):
            if isinstance(sub, nn.Conv2d):
                inputs = 3 if sub.in_channels == 3 else 2
                kernel = 3 if inputs == 3 and cifar else sub.kernel_size
                setattr(child, name, nn.Conv2d(inputs, 2, kernel, sub.stride, sub.padding, bias=False))
            elif isinstance(sub, nn.BatchNorm2d):
                setattr(child, name, nn.BatchNorm2d(2))
    m.fc = nn.Linear(2, 4)
    if cifar:  # as CIFAR networks have it: a shortcut with weights where the stride changes, no pooling behind the stem
        m.conv1.stride, m.maxpool = (1, 1), nn.Identity()
    with torch.no_grad():
        for name, t in m.state_dict().items():
            if t.is_floating_point():
                noise = torch.randn(t.shape)
                t.copy_((noise.abs() + 0.5 if name.endswith("running_var") else noise * 0.5).half().float())
    return m.eval()


def save(name, state):
    """Safetensors by the format's specification, f16 or f32; counters stay integers."""
    wide = name.endswith("_f32")
    header, blobs, at = {}, [], 0
    for key, t in state.items():
        if key.endswith("num_batches_tracked") and not name.startswith("counters"):
            continue
        t = t.detach()
        raw = (t.half() if t.is_floating_point() and not wide else t).contiguous().numpy().tobytes()
        header[key] = {"dtype": ("F32" if wide else "F16") if t.is_floating_point() else "I64", "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        blobs.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(OUT, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def prefixed(prefix, state):
    return {prefix + k: v for k, v in state.items()}


def without(state, *starts):
    return {k: v for k, v in state.items() if not k.startswith(starts)}


def renamed(state, *pairs):
    out = {}
    for k, v in state.items():
        for a, b in pairs:
            k = k.replace(a, b)
        out[k] = v
    return out


def other(state):
    """Another network of the same names."""
    return {k: v * 0.75 if v.is_floating_point() else v for k, v in state.items()}


def hugging_face(state):
    out = {}
    for k, v in without(state, "fc.").items():
        part = k.split(".")
        if part[0] == "conv1":
            k = "embedder.embedder.convolution.weight"
        elif part[0] == "bn1":
            k = "embedder.embedder.normalization." + part[1]
        else:
            kind = {"conv": "convolution", "bn1": "normalization", "bn2": "normalization"}
            where = "encoder.stages.%d.layers.%s." % (int(part[0][5:]) - 1, part[1])
            if part[2] == "downsample":
                k = where + "shortcut." + ("convolution." if part[3] == "0" else "normalization.") + part[4]
            else:
                k = where + "layer.%d." % (int(part[2][-1]) - 1) + kind.get(part[2], kind["conv"]) + "." + part[3]
        out[k] = v
    return out


def detectron(state):
    out = {}
    for k, v in without(state, "fc.").items():
        if k.startswith("layer"):
            k = "res%d%s" % (int(k[5]) + 1, k[6:])
        k = k.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")
        for i in "12":
            k = k.replace("bn" + i, "conv%s.norm" % i)
        out["stem." + k if k.startswith("conv1") else k] = v
    return out


def conv2_x(state):
    out = {}
    for k, v in state.items():
        part = k.split(".")
        if k.startswith("layer"):
            where = "conv%d_x.%s." % (int(part[0][5:]) + 1, part[1])
            if part[2] == "downsample":
                k = where + "shortcut." + ".".join(part[3:])
            else:
                k = where + "residual_function.%d." % {"conv1": 0, "bn1": 1, "conv2": 3, "bn2": 4}[part[2]] + part[3]
        elif part[0] in ("conv1", "bn1"):
            k = ("conv1.0." if part[0] == "conv1" else "conv1.1.") + part[1]
        out[k] = v
    return out


def main():
    os.makedirs(OUT, exist_ok=True)
    m, c = resnet(), resnet(cifar=True)
    s, body = m.state_dict(), without(m.state_dict(), "fc.")
    save("canonical", s)
    save("canonical_cifar", c.state_dict())
    # what PyTorch puts in
    save("compile", prefixed("_orig_mod.", s))
    save("compile_dp", prefixed("module._orig_mod.", s))
    part = copy.deepcopy(m)
    part.layer3 = nn.DataParallel(part.layer3)
    save("compile_part", prefixed("state_dict.module.", renamed(part.state_dict(), ("layer2.", "layer2._orig_mod."))))
    save("children", prefixed("backbone.", nn.Sequential(*list(m.children())[:-1]).state_dict()))
    save("children_nested", nn.Sequential(nn.Sequential(*list(m.children())[:-2]), nn.Linear(3, 4)).state_dict())
    save("children_fc", nn.Sequential(*list(m.children())[:-1], nn.Flatten(), m.fc).state_dict())
    save("children_f", prefixed("f.", nn.Sequential(*[x for x in m.children() if not isinstance(x, (nn.Linear, nn.MaxPool2d))]).state_dict()))
    save("normalize", prefixed("state_dict.1.", s) | {"state_dict.0.mean": torch.tensor([0.485, 0.456, 0.406]),
                                                     "state_dict.0.std": torch.tensor([0.229, 0.224, 0.225])})
    average = torch.optim.swa_utils.AveragedModel(m)
    save("average", prefixed("model.", s) | prefixed("model_ema.", other(average.state_dict())))
    save("average_timm", prefixed("state_dict.", s) | prefixed("state_dict_ema.", other(s)))
    save("average_alone", prefixed("model_ema.module.", s) | {"model_ema.n_averaged": torch.tensor(7)})
    # self-supervised learning: projection heads, momentum encoders
    head = {"0.weight": torch.zeros(2, 2), "0.bias": torch.zeros(2), "2.weight": torch.zeros(5, 2), "2.bias": torch.zeros(5)}
    save("moco", prefixed("state_dict.module.encoder_q.", body | prefixed("fc.", head)) |
         prefixed("state_dict.module.encoder_k.", other(body | prefixed("fc.", head))) | {"state_dict.module.queue": torch.zeros(5, 3)})
    save("moco_v3", prefixed("state_dict.module.base_encoder.", body) | prefixed("state_dict.module.momentum_encoder.", other(body)) |
         prefixed("state_dict.module.predictor.", head))
    save("simsiam", prefixed("state_dict.module.encoder.", body | prefixed("fc.", head)) | prefixed("state_dict.module.predictor.", head))
    save("dino", prefixed("student.module.backbone.", other(body)) | prefixed("teacher.backbone.", body) | prefixed("teacher.head.mlp.", head))
    save("byol", prefixed("state_dict.backbone.", body) | prefixed("state_dict.backbone_momentum.", other(body)) |
         prefixed("state_dict.projection_head.layers.", head))
    save("lightning", prefixed("state_dict.model.module.net.", s) | prefixed("state_dict.projection.model.", head))
    # other libraries and habits
    save("feature_extractor", prefixed("feature_extractor.", s))
    save("segmentation", prefixed("encoder.", body) | {"decoder.blocks.0.conv1.0.weight": torch.zeros(2, 2, 3, 3),
                                                      "segmentation_head.0.weight": torch.zeros(1, 2, 3, 3)})
    apart = {k.replace("conv1.", "layer0.0.", 1) if k.startswith("conv1.") else k.replace("bn1.", "layer0.1.", 1) if k.startswith("bn1.") else k: v
             for k, v in body.items()}
    save("layer0", prefixed("module.", apart) | {"module.cls.0.weight": torch.zeros(2, 2, 3, 3)})
    save("firstconv", renamed(apart, ("layer0.0.", "firstconv."), ("layer0.1.", "firstbn."), ("layer", "encoder")) | {"decoder4.conv1.weight": torch.zeros(2, 2, 1, 1)})
    save("detection", prefixed("backbone.body.", body) | {"backbone.fpn.inner_blocks.0.0.weight": torch.zeros(2, 2, 1, 1)})
    save("mmpretrain", prefixed("state_dict.backbone.", body) | {"state_dict.head.fc.weight": s["fc.weight"], "state_dict.head.fc.bias": s["fc.bias"]})
    save("hugging_face", prefixed("vision_model.", hugging_face(s)))
    save("hugging_face_classes", prefixed("resnet.", hugging_face(s)) | {"classifier.1.weight": s["fc.weight"], "classifier.1.bias": s["fc.bias"]})
    save("detectron", prefixed("model.backbone.bottom_up.", detectron(s)))
    counters = {}
    for k, v in s.items():
        counters[k] = v
        if k.endswith("conv1.weight"):
            counters |= {k[:-6] + "total_ops": torch.zeros(1), k[:-6] + "total_params": torch.zeros(1)}
    save("counters", counters | {"total_ops": torch.zeros(1), "total_params": torch.zeros(1)})
    save("cifar_shortcut", prefixed("net.module.", renamed(c.state_dict(), ("downsample", "shortcut"), ("fc.", "linear."))))
    save("cifar_children", prefixed("encoder.", nn.Sequential(c.conv1, c.bn1, c.layer1, c.layer2, c.layer3, c.layer4).state_dict()))
    save("cifar_conv2_x", conv2_x(c.state_dict()))
    # one network under two names, as robustness' attacker has it
    shared = collections.OrderedDict(prefixed("module.model.", s))
    shared.update(prefixed("module.attacker.model.", s))
    torch.save({"model": shared}, os.path.join(OUT, "shared.pth"))
    # what must be refused: NaN, infinity, a negative variance; activations beyond f32
    for name, key, value in (("nan", "layer2.0.bn1.running_mean", float("nan")), ("infinity", "layer3.0.conv2.weight", float("inf")),
                             ("variance", "bn1.running_var", -1.0)):
        bad = copy.deepcopy(s)
        bad[key].view(-1)[1] = value
        save("bad_" + name, bad)
    huge = copy.deepcopy(s)
    for k, v in huge.items():
        if "conv" in k:
            v *= 30000
    save("bad_huge", huge)
    large = copy.deepcopy(s)
    large["layer4.0.conv1.weight"].view(-1)[2] = -65520
    save("large_f32", large)


main()
