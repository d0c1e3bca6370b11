# SPDX-License-Identifier: MIT
"""Golden files of tests/test_{dtype,safetensors,names,store}.c and tests/bad/weights_*: run from the root of the repository.

Needs Debian's python3-torch, python3-torchvision and python3-numpy. Safetensors files are written by hand here, by the layout
rules of the format's specification, so that the C writer is held against an independent one, byte by byte.
"""
import hashlib
import json
import os
import struct
import warnings

import numpy as np
import torch
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
BAD = os.path.join(HERE, "..", "bad")
LABEL = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def raw(t):
    """Little-endian bytes of a tensor in C order."""
    t = t.contiguous()
    return t.view(torch.int16).numpy().tobytes() if t.dtype == torch.bfloat16 else t.numpy().tobytes()


def label(t):
    return LABEL[t.dtype] if isinstance(t, torch.Tensor) else {"uint16": "U16", "uint32": "U32", "uint64": "U64"}[t.dtype.name]


def data(t):
    return raw(t) if isinstance(t, torch.Tensor) else t.tobytes()


def write(path, tensors, metadata=None, placed=None):
    """tensors: name -> tensor, in the header's order; placed: their order in the data."""
    at, spans = 0, {}
    for name in placed or tensors:
        n = len(data(tensors[name]))
        spans[name] = [at, at + n]
        at += n
    header = {} if metadata is None else {"__metadata__": metadata}
    for name, t in tensors.items():
        header[name] = {"dtype": label(t), "shape": list(t.shape), "data_offsets": spans[name]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(data(tensors[n]) for n in placed or tensors))


# ---- networks of a few kB ----

class Builder:
    def __init__(self, seed):
        self.g = torch.Generator().manual_seed(seed)
        self.t = {}

    def put(self, name, *shape):
        self.t[name] = torch.randn(*shape, generator=self.g)

    def conv(self, name, k, c, r):
        self.put(name + ".weight", k, c, r, r)

    def norm(self, name, k):
        self.put(name + ".weight", k)
        self.put(name + ".bias", k)
        self.put(name + ".running_mean", k)
        self.t[name + ".running_var"] = torch.rand(k, generator=self.g) + 0.5
        self.t[name + ".num_batches_tracked"] = torch.tensor(100)

    def linear(self, name, k, c):
        self.put(name + ".weight", k, c)
        self.put(name + ".bias", k)

    def stages(self, c, blocks, width, channels, bottleneck, downsample=True):
        for s, (n, w, out) in enumerate(zip(blocks, width, channels), 1):
            for b in range(n):
                at = f"layer{s}.{b}"
                shapes = [(w, c, 1), (w, w, 3), (out, w, 1)] if bottleneck else [(w, c, 3), (out, w, 3)]
                for i, (k, cin, r) in enumerate(shapes, 1):
                    self.conv(f"{at}.conv{i}", k, cin, r)
                    self.norm(f"{at}.bn{i}", k)
                if downsample and b == 0 and (s > 1 or c != out):
                    self.conv(f"{at}.downsample.0", out, c, 1)
                    self.norm(f"{at}.downsample.1", out)
                c = out
        return c


def basic():
    b = Builder(1)
    b.conv("conv1", 3, 3, 7)
    b.norm("bn1", 3)
    b.linear("fc", 5, b.stages(3, [1, 2, 1, 1], [3, 2, 3, 4], [3, 2, 3, 4], False))
    return b.t


def lang():
    b = Builder(2)
    b.conv("conv1", 2, 3, 7)
    b.norm("bn1", 2)
    c = b.stages(2, [1, 1, 1, 1], [2, 1, 2, 1], [4, 3, 5, 6], True)
    b.linear("fc", 3, c)
    b.linear("lang_head.0", 4, c)
    b.linear("lang_head.2", 2, 4)
    return b.t


def cifar():
    b = Builder(3)
    b.conv("conv1", 2, 3, 3)
    b.norm("bn1", 2)
    b.linear("linear", 10, b.stages(2, [1, 1, 1], [2, 4, 6], [2, 4, 6], False, downsample=False))
    return b.t


def clip(width=2, blocks=(1, 1, 1, 1), planes=(1, 1, 2, 4), grid=2, out=3):
    b = Builder(4)
    for i, (k, c) in enumerate([(width // 2, 3), (width // 2, width // 2), (width, width // 2)], 1):
        b.conv(f"conv{i}", k, c, 3)
        b.norm(f"bn{i}", k)
    c = b.stages(width, blocks, planes, [4 * p for p in planes], True)
    b.put("attnpool.positional_embedding", grid * grid + 1, c)
    for p in "kqv":
        b.linear(f"attnpool.{p}_proj", c, c)
    b.linear("attnpool.c_proj", out, c)
    return b.t


def whole_clip():
    """OpenAI's naming: the image tower under `visual.`, the text tower beside it."""
    t = {"visual." + k: v for k, v in clip().items()}
    t["positional_embedding"] = torch.zeros(3, 2)
    t["text_projection"] = torch.zeros(2, 3)
    t["logit_scale"] = torch.tensor(2.5)
    t["token_embedding.weight"] = torch.zeros(4, 2)
    t["transformer.resblocks.0.ln_1.weight"] = torch.ones(2)
    t["ln_final.weight"] = torch.ones(2)
    return t


def hugging_face(t):
    """torchvision's names -> those of transformers' ResNetForImageClassification."""
    out = {}
    for name, x in t.items():
        part = name.split(".")
        what = part[-1]
        if part[0] == "fc":
            new = f"classifier.1.{what}"
        elif part[0] in ("conv1", "bn1"):
            new = f"resnet.embedder.embedder.{'convolution' if part[0] == 'conv1' else 'normalization'}.{what}"
        else:
            new = f"resnet.encoder.stages.{int(part[0][5:]) - 1}.layers.{part[1]}."
            if part[2] == "downsample":
                new += f"shortcut.{'convolution' if part[3] == '0' else 'normalization'}.{what}"
            else:
                new += f"layer.{int(part[2][-1]) - 1}.{'convolution' if part[2][:4] == 'conv' else 'normalization'}.{what}"
        out[new] = x
    return out


def blob(path, source, tensors, dtype, arch, side, preprocess):
    """What `convert` must write: names sorted, metadata fusiform.*, batch norm unfolded."""
    keep = {}
    for name in sorted(tensors):
        t = tensors[name]
        if not name.endswith("num_batches_tracked"):
            keep[name] = t.to(dtype) if t.dim() > 1 else t
    sha = hashlib.sha256(open(source, "rb").read()).hexdigest()
    metadata = {"fusiform.arch": arch, "fusiform.input": str(side), "fusiform.preprocess": preprocess,
                "fusiform.source_sha256": sha, "fusiform.version": "0.2.0"}
    write(path, keep, metadata, sorted(keep, key=lambda n: (-keep[n].element_size(), n)))


def networks():
    basic_path = os.path.join(HERE, "weights_basic.safetensors")
    write(basic_path, basic(), {"format": "pt"})
    for short, dtype in ("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64):
        cast = {k: v.to(dtype) if v.is_floating_point() else v for k, v in basic().items()}
        write(os.path.join(HERE, f"weights_basic_{short}.safetensors"), cast)
    for short, dtype in ("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16):
        blob(os.path.join(HERE, f"weights_blob_{short}.safetensors"), basic_path, basic(), dtype, "resnet", 224, "torchvision")
    write(os.path.join(HERE, "weights_hf.safetensors"), hugging_face(basic()), {"format": "pt"})
    write(os.path.join(HERE, "weights_lang.safetensors"), {"state_dict.model." + k: v for k, v in lang().items()})
    write(os.path.join(HERE, "weights_cifar.safetensors"), {"state_dict.module." + k: v for k, v in cifar().items()})
    write(os.path.join(HERE, "weights_clip.safetensors"), whole_clip())


# ---- every dtype ----

def dtypes():
    """The same whole numbers -127..127 (unsigned: 0..127, bool: 0 and 1) in all dtypes; k-th is (k * 37) % 255 - 127."""
    k = (np.arange(3 * 5 * 7) * 37) % 255 - 127
    k = k.reshape(3, 5, 7)
    t = {}
    for d in LABEL:
        v = np.abs(k) % 2 if d == torch.bool else np.abs(k) if d == torch.uint8 else k
        t[LABEL[d].lower()] = torch.tensor(v).to(d)
    for d in np.uint16, np.uint32, np.uint64:
        a = np.abs(k).astype(d)
        t[label(a).lower()] = a
    t["scalar"] = torch.tensor(-2.5)
    t["empty"] = torch.zeros(4, 0, 3)
    t["f32 extremes"] = torch.tensor([float("inf"), float("-inf"), 3.4028234663852886e38, 1e-45, -0.0])
    t["f64 extremes"] = torch.tensor([1e300, 1 + 2.0 ** -24, 1 + 3 * 2.0 ** -24, 1e-46, -0.0], dtype=torch.float64)
    t["i64 extremes"] = torch.tensor([2 ** 63 - 1, -2 ** 63, 2 ** 24 + 1, 2 ** 24 + 3, -1])
    t["u64 extremes"] = np.array([2 ** 64 - 1, 2 ** 63, 2 ** 24 + 1, 0], dtype=np.uint64)
    t["Ωmega \"quoted\" \\ \n 😀"] = torch.tensor([1.0, 2.0])
    write(os.path.join(HERE, "weights_dtypes.safetensors"), t, {"ключ": "значение", "empty": ""})


def halves():
    """f32 bits, their f16 by NumPy and bf16 by PyTorch: u32, u16, u16, little-endian. And all halves as f32: a SHA-256."""
    g = np.random.RandomState(7)
    bits = [g.randint(0, 2 ** 32, 1000, dtype=np.uint64)]                       # anything
    bits.append(g.randint(0x32800000, 0x47900000, 1500, dtype=np.uint64))       # what halves can hold, and around
    h = g.randint(0, 0x7c00, 300, dtype=np.uint64)                              # exact midpoints and their neighbours
    low = h.astype(np.uint16).view(np.float16).astype(np.float64)
    high = (h + 1).astype(np.uint16).view(np.float16).astype(np.float64)
    high[np.isinf(high)] = 65536
    middle = ((low + high) / 2).astype(np.float32).view(np.uint32).astype(np.uint64)
    bits += [middle, middle + 1, middle - 1, middle | 2 ** 31]
    bits.append(np.array([0, 0x80000000, 0x7f800000, 0xff800000, 0x477fefff, 0x477ff000, 0x33000000, 0x33000001, 0x7f7fffff, 1],
                         dtype=np.uint64))
    bits = np.concatenate(bits).astype(np.uint32)
    f = bits.view(np.float32)
    f, bits = f[~np.isnan(f)], bits[~np.isnan(f)]
    with np.errstate(over="ignore"):
        f16 = f.astype(np.float16).view(np.uint16)
    bf16 = torch.from_numpy(f.copy()).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    out = np.zeros(len(f), dtype=[("f", "<u4"), ("h", "<u2"), ("b", "<u2")])
    out["f"], out["h"], out["b"] = bits, f16, bf16
    out.tofile(os.path.join(HERE, "weights_halves.bin"))
    everything = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    with open(os.path.join(HERE, "weights_halves.txt"), "w") as out:
        out.write(hashlib.sha256(everything.astype("<f4").tobytes()).hexdigest() + "\n")


# ---- names and shapes of real networks ----

def listing():
    """`# network`, then `name shape` of each tensor: what tests/test_names.c recognises without any weights."""
    def line(name, t):
        return f"{name} {'x'.join(map(str, t.shape)) or 'scalar'}\n"

    def torchvision_model(name):
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return getattr(torchvision.models, name)(pretrained=False, **({"init_weights": False} if "net_" in name else {})).state_dict()

    with open(os.path.join(HERE, "weights_names.txt"), "w") as out:
        for name in "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d":
            out.write(f"# {name}\n" + "".join(line(*p) for p in torchvision_model(name).items()))
        out.write("# hf_resnet50\n" + "".join(line(*p) for p in hugging_face(torchvision_model("resnet50")).items()))
        for name, width, blocks, grid, dim in ("clip_RN50", 64, (3, 4, 6, 3), 7, 1024), ("clip_RN50x4", 80, (4, 6, 10, 6), 9, 640):
            t = clip(width, blocks, [width * 2 ** i for i in range(4)], grid, dim)
            out.write(f"# {name}\n" + "".join(line("visual." + k, v) for k, v in t.items()))
        for name in "densenet121", "vit_b_16", "alexnet":
            if hasattr(torchvision.models, name):
                out.write(f"# {name}\n" + "".join(line(*p) for p in list(torchvision_model(name).items())[:20]))


# ---- files that must be refused ----

def bad():
    def file(name, header, body=b"", n=None):
        text = header.encode() if isinstance(header, str) else header
        with open(os.path.join(BAD, f"weights_{name}"), "wb") as f:
            f.write(struct.pack("<Q", len(text) if n is None else n) + text + body)

    def plain(name, content):
        with open(os.path.join(BAD, f"weights_{name}"), "wb") as f:
            f.write(content)

    def one(dtype="F32", shape="[2]", offsets="[0,8]", more=""):
        return f'{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}{more}}}}}'

    cases = [
        ("header_huge.safetensors", one(), bytes(8), 9000000000, "byte 0: header says 9000000000 bytes, file has"),
        ("header_zero.safetensors", "", b"{" + bytes(8), 0, "byte 8: the header does not begin with '{'"),
        ("header_cut.safetensors", one()[:-1], bytes(8), None, "',' or '}' expected, the JSON text ends here"),
        ("header_after.safetensors", one() + "x", bytes(8), None, "the end expected, 'x' found"),
        ("header_utf8.safetensors", one().encode().replace(b'"a"', b'"\xc0\xaf"'), bytes(8), None, "broken UTF-8"),
        ("data_cut.safetensors", one(), bytes(7), None, "tensor a: ends at byte 8 of the data, the file has 7: truncated copy?"),
        ("data_more.safetensors", one(), bytes(9), None, "1 bytes behind the last tensor belong to none"),
        ("data_none.safetensors", "{}", bytes(1), None, "1 bytes behind the last tensor belong to none"),
        ("hole.safetensors", one(offsets="[4,12]"), bytes(12), None, "begins at byte 4 of the data, 0 expected: a hole"),
        ("overlap.safetensors", one()[:-1] + "," + one(offsets="[4,12]").replace('"a"', '"b"')[1:], bytes(12), None,
         "tensor b: begins at byte 4 of the data, 8 expected: a tensor that overlaps another"),
        ("twice.safetensors", one()[:-1] + "," + one(offsets="[8,16]")[1:], bytes(16), None, "tensor a stands there twice"),
        ("size.safetensors", one(offsets="[0,12]"), bytes(12), None, "span 12 bytes, its shape and dtype take 8"),
        ("backwards.safetensors", one(offsets="[8,0]"), bytes(8), None, "data_offsets end before they begin"),
        ("offsets_three.safetensors", one(offsets="[0,8,9]"), bytes(8), None, "data_offsets are two numbers, 3 found"),
        ("offsets_negative.safetensors", one(offsets="[-1,8]"), bytes(8), None, "a whole number expected, '-' found"),
        ("offsets_fraction.safetensors", one(offsets="[0,8.0]"), bytes(8), None, "a fraction or exponent found"),
        ("offsets_beyond.safetensors", one(offsets="[0,18446744073709551616]"), bytes(8), None, "a number beyond 2^64"),
        ("shape_huge.safetensors", one(shape="[4294967296,4294967296,4]"), bytes(8), None, "more elements than memory can"),
        ("shape_huge_empty.safetensors", one(shape="[9223372036854775807,9223372036854775807,0]", offsets="[0,0]"), b"", None,
         "more elements than memory can"),
        ("shape_beyond.safetensors", one(shape="[18446744073709551615]"), bytes(8), None, "impossible size 18446744073709551615"),
        ("shape_dims.safetensors", one(shape="[1,1,1,1,1,1,1,1,2]"), bytes(8), None, "more than 8 dimensions"),
        ("shape_text.safetensors", one(shape='"2"'), bytes(8), None, "'[' expected, '\"' found"),
        ("dtype.safetensors", one(dtype="F8_E4M3"), bytes(8), None, "span 8 bytes, its shape and dtype take 2"),
        ("field_missing.safetensors", '{"a":{"dtype":"F32","data_offsets":[0,8]}}', bytes(8), None, "tensor a: has no 'shape'"),
        ("field_twice.safetensors", one(more=',"dtype":"F32"'), bytes(8), None, "has 'dtype' twice"),
        ("deep.safetensors", one(more=',"x":' + "[" * 40 + "]" * 40), bytes(8), None, "nested deeper than 32 levels"),
        ("metadata_number.safetensors", '{"__metadata__":{"a":1}}', b"", None, "a string expected, '1' found"),
        ("metadata_twice.safetensors", '{"__metadata__":{"a":"1","a":"2"}}', b"", None, "__metadata__ has 'a' twice"),
        ("metadata_two.safetensors", '{"__metadata__":{},"__metadata__":{}}', b"", None, "__metadata__ stands there twice"),
        ("name_nul.safetensors", one().replace('"a"', '"a\\u0000b"'), bytes(8), None, "\\u0000 in a string"),
    ]
    expected = []
    for name, header, body, n, message in cases:
        file(name, header, body, n)
        expected.append((name, message))
    for name, content, message in [
        ("empty.pth", b"", "is empty"),
        ("page.pth", b"\xef\xbb\xbf\r\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 102530333\n", "run `git lfs pull`"),
        ("packed.pth", b"\x1f\x8b\x08\0\0\0\0\0\0\3", "is compressed with gzip"),
        ("pickle.pkl", b"\x80\4\x95\x0b\0\0\0\0\0\0\0]\x94(K\1K\2e.", "holds no tensor: a damaged copy, or no weights?"),
        ("zeros.pth", bytes(64), "all zeros"),
        ("text.txt", b"hello", "no known weight file begins with 68 65 6c 6c 6f;"),
    ]:
        plain(name, content)
        expected.append((name, message))
    with open(os.path.join(BAD, "weights_expected.txt"), "w") as f:
        f.writelines(f"{n}\t{m}\n" for n, m in expected)


if __name__ == "__main__":
    networks()
    dtypes()
    halves()
    listing()
    bad()
