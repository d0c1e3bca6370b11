#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Expected embeddings and taps of small transformers, by PyTorch in float64. Needs torch and torchvision.

usage: transformer.py > transformer.inc      from tests/golden

Weights, pictures and ids come from a formula that tests/transformer.h has too: no file of weights is needed.
The text tower and CLIP's image tower are put together from torch.nn's layers, the plain ViT is torchvision's.
"""
import numpy as np
import torch
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer

torch.set_grad_enabled(False)
torch.set_num_threads(1)
WIDTH, BLOCKS, DIM = 128, 2, 24
TOKENS, CONTEXT = 50, 20
PATCH, SIDE, CLASSES = 8, 24, 10
TEXTS = [[48, 3, 17, 5, 49], [48, 49], [48] + [(7 * i + 1) % 48 for i in range(18)] + [49], [48, 30, 2, 49, 5, 5]]


def noise(name, n):
    """n numbers in -0.5 .. 0.5 with 24 bits, from the tensor's name."""
    h = 2166136261
    for b in name.encode():
        h = (h ^ b) * 16777619 & 0xFFFFFFFF
    x = (np.arange(n, dtype=np.uint64) * 0x9E3779B9 + h & 0xFFFFFFFF).astype(np.uint64)
    x ^= x >> 16
    x = x * 0x85EBCA6B & 0xFFFFFFFF
    x ^= x >> 13
    x = x * 0xC2B2AE35 & 0xFFFFFFFF
    x ^= x >> 16
    return (x >> 8).astype(np.float64) / 2 ** 24 - 0.5


def tensor(name, *shape):
    x = noise(name, int(np.prod(shape)))
    if "ln_" in name and name.endswith(".weight"):
        x = 1 + x / 4
    elif "embedding" not in name:
        x = x / 4
    return torch.tensor(x.reshape(shape))


def linear(layer, weight, bias):
    layer.weight.copy_(tensor(weight, *layer.weight.shape))
    layer.bias.copy_(tensor(bias, *layer.bias.shape))


class Block(nn.Module):
    def __init__(self, at, eps, act, scale=False):
        super().__init__()
        self.act = act
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH, eps=eps), nn.LayerNorm(WIDTH, eps=eps)
        self.attn = nn.MultiheadAttention(WIDTH, WIDTH // 64, batch_first=True)
        self.fc, self.proj = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.double()
        for k in (1, 2):
            linear(getattr(self, f"ln_{k}"), f"{at}ln_{k}.weight", f"{at}ln_{k}.bias")
        self.attn.in_proj_weight.copy_(tensor(at + "attn.in_proj_weight", 3 * WIDTH, WIDTH))
        self.attn.in_proj_bias.copy_(tensor(at + "attn.in_proj_bias", 3 * WIDTH))
        linear(self.attn.out_proj, at + "attn.out_proj.weight", at + "attn.out_proj.bias")
        linear(self.fc, at + "mlp.c_fc.weight", at + "mlp.c_fc.bias")
        linear(self.proj, at + "mlp.c_proj.weight", at + "mlp.c_proj.bias")
        self.scale = [tensor(f"{at}ls_{k}.gamma", WIDTH) if scale else 1 for k in (1, 2)]

    def forward(self, x, mask=None):
        a = self.ln_1(x)
        x = x + self.scale[0] * self.attn(a, a, a, need_weights=False, attn_mask=mask)[0]
        self.inner = self.act(self.fc(self.ln_2(x)))
        return x + self.scale[1] * self.proj(self.inner)


def quickgelu(x):
    return x * torch.sigmoid(1.702 * x)


def norm(name):
    layer = nn.LayerNorm(WIDTH, eps=1e-5).double()
    linear(layer, name + ".weight", name + ".bias")
    return layer


def text(ids, act):
    end = ids.index(max(ids))
    x = (tensor("text.token_embedding.weight", TOKENS, WIDTH)[ids] +
         tensor("text.positional_embedding", CONTEXT, WIDTH)[: len(ids)])[None]
    mask = torch.full((len(ids), len(ids)), -np.inf, dtype=torch.float64).triu(1)
    for i in range(BLOCKS):
        x = Block(f"text.transformer.resblocks.{i}.", 1e-5, act)(x, mask)
    return norm("text.ln_final")(x[0, end]) @ tensor("text.text_projection", WIDTH, DIM)


def picture():
    return tensor("picture_embedding", 1, 3, SIDE, SIDE) * 4


def clip(scale):
    """CLIP's image tower: what the taps hold, by name."""
    grid, taps = SIDE // PATCH, {}
    p = nn.functional.conv2d(picture(), tensor("conv1.weight", WIDTH, 3, PATCH, PATCH), stride=PATCH)
    x = torch.cat([tensor("class_embedding", WIDTH)[None, None], p.flatten(2).transpose(1, 2)], 1)
    x = norm("ln_pre")(x + tensor("positional_embedding", grid * grid + 1, WIDTH))
    taps["tokens"] = x[0, 1:].T
    for i in range(BLOCKS):
        block = Block(f"transformer.resblocks.{i}.", 1e-5, quickgelu, scale)
        x = block(x)
        taps[f"blocks.{i}"], taps[f"blocks.{i}.class"] = x[0, 1:].T, x[0, 0]
        taps[f"blocks.{i}.mlp"] = block.inner[0, 1:].T
    taps["ln_post"] = norm("ln_post")(x[0, 0])
    taps["proj"] = taps["ln_post"] @ tensor("proj", WIDTH, DIM)
    return taps


def plain():
    """torchvision's, by its own names and code."""
    grid = SIDE // PATCH
    net = VisionTransformer(SIDE, PATCH, BLOCKS, WIDTH // 64, WIDTH, 4 * WIDTH, num_classes=CLASSES).double().eval()
    ours = {"class_token": "class_embedding", "encoder.pos_embedding": "positional_embedding",
            "conv_proj.weight": "conv1.weight", "conv_proj.bias": "conv1.bias", "encoder.ln.weight": "ln_post.weight",
            "encoder.ln.bias": "ln_post.bias", "heads.head.weight": "fc.weight", "heads.head.bias": "fc.bias"}
    state = net.state_dict()
    for name in state:
        new = ours.get(name)
        if new is None:
            new = name.replace("encoder.layers.encoder_layer_", "transformer.resblocks.")
            for a, b in ((".self_attention.", ".attn."), (".mlp.0.", ".mlp.c_fc."), (".mlp.3.", ".mlp.c_proj."),
                         (".mlp.linear_1.", ".mlp.c_fc."), (".mlp.linear_2.", ".mlp.c_proj.")):
                new = new.replace(a, b)
        state[name].copy_(tensor(new, *state[name].shape))
    net.load_state_dict(state)
    taps = {}
    net.encoder.layers[1].register_forward_hook(lambda m, i, o: taps.update({"blocks.1": o[0, 1:].T}))
    net.encoder.register_forward_hook(lambda m, i, o: taps.update({"ln_post": o[0, 0]}))
    taps["fc"] = net(picture())[0]
    assert grid == 3
    return taps


def show(kind, tap, x):
    """Every seventh number at most: enough of them."""
    x = x.flatten().numpy()
    step = 1 if len(x) <= 32 else 7
    values = ", ".join(f"{v:.9g}" for v in x[::step][:160])
    print(f'{{"{kind}", "{tap}", {step}, {min(160, len(x[::step]))}, {np.abs(x).max():.9g}, {{{values}}}}},')


for act in ("quickgelu", "gelu"):
    for i, ids in enumerate(TEXTS):
        show("text " + act, str(i), text(ids, quickgelu if act == "quickgelu" else nn.GELU()))
for tap, x in clip(False).items():
    show("clip", tap, x)
show("scaled", "proj", clip(True)["proj"])
for tap, x in plain().items():
    show("plain", tap, x)
