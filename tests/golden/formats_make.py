#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/formats_*: weight files with objects beside the tensors, of every pickle protocol, whole models, arrays
and models in several files. formats_expected.txt: file, then the sha256 of the lines that `inspect --sha256` must print of the
tensors whose name begins with the given text, made with NumPy.

Needs Debian's python3-torch. Run: /usr/bin/python3 tests/golden/formats_make.py
"""
import argparse
import collections
import copyreg
import datetime
import enum
import functools
import hashlib
import json
import os
import pickle
import struct
import types

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
np.random.seed(12)
STATE = collections.OrderedDict((name, torch.from_numpy(np.random.randn(*shape).astype("f4")))
                                for name, shape in (("conv.weight", (2, 3, 2, 2)), ("conv.bias", (2,)), ("head.weight", (3, 2))))
expected = []


class Color(enum.Enum):
    RED = 1


class Ordered(collections.OrderedDict):
    pass


class Easy(dict):
    pass


Pair = collections.namedtuple("Pair", "a b")


class Holder:
    def __init__(self, value):
        self.value = value


class Keywords:
    def __new__(cls, *, k):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"k": 5}


class Registered:
    pass


copyreg.add_extension("__main__", "Registered", 300)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 2)
        self.head = torch.nn.Linear(2, 3, bias=False)
        self.register_buffer("none", None)
        self.load_state_dict(STATE)
        self.act = torch.nn.functional.relu


def beside():
    """One of each kind of object that stands beside weights."""
    cycle = Holder(None)
    cycle.value = cycle
    return dict(color=Color.RED, ordered=Ordered(a=1), easy=Easy(a=1), pair=Pair(1, 2), cycle=cycle, kw=Keywords(k=1), reg=Registered(),
                dd=collections.defaultdict(list, a=[1]), deque=collections.deque([1]), s={1}, fs=frozenset([1]), ba=bytearray(b"x"), c=1j,
                date=datetime.datetime(2020, 1, 2), ns=argparse.Namespace(a=1), sns=types.SimpleNamespace(a=1), part=functools.partial(print, 1),
                path=__import__("pathlib").PurePosixPath("/a"), npf=np.float64(1), npa=np.arange(3.), state=np.random.RandomState(1).get_state(),
                size=torch.Size([1]), dtype=torch.float32, device=torch.device("cpu"), big=10 ** 30, keys={(1, 2): 1, Color.RED: 2}, cls=Holder,
                tensors=Holder([torch.ones(2), torch.ones(3)]))


def lines(prefix, tensors=STATE):
    out = ""
    for name, t in tensors.items():
        data = np.ascontiguousarray(np.asarray(t), "<f4")
        out += "%s%s\tf32\t%s\t%s\n" % (prefix, name, "x".join(map(str, np.asarray(t).shape)), hashlib.sha256(data.tobytes()).hexdigest())
    return hashlib.sha256(out.encode()).hexdigest()


def path(name):
    return os.path.join(HERE, "formats_" + name)


def save(name, value, prefix, **options):
    torch.save(value, path(name), **options)
    expected.append("%s\t%s\t%s" % (name, prefix, lines(prefix)))


def safetensors(name, tensors):
    header, body = {}, b""
    for key, t in tensors.items():
        data = t.numpy().tobytes()
        header[key] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    with open(path(name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


def index(name, files):
    with open(path(name), "w") as f:
        json.dump({"metadata": {}, "weight_map": {key: "formats_" + file for key, file in files.items()}}, f)


def pickles():
    for protocol in range(6):
        for zipped in True, False:
            kind = "%s%d" % ("zip" if zipped else "legacy", protocol)
            options = dict(pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
            save("objects_%s.pth" % kind, {"state_dict": STATE, "beside": beside()}, "state_dict.", **options)
            if zipped or protocol:
                save("whole_%s.pth" % kind, {"model": Net(), "epoch": 3}, "model.", **options)
        arrays = {k: v.numpy() for k, v in STATE.items()}
        arrays["texts"] = np.array(["a"])
        with open(path("arrays_%d.pkl" % protocol), "wb") as f:
            pickle.dump({"model": arrays, "author": "x"}, f, protocol=protocol)
        expected.append("arrays_%d.pkl\tmodel.\t%s" % (protocol, lines("model.")))
        with open(path("dumped_%d.pkl" % protocol), "wb") as f:
            pickle.dump(STATE, f, protocol=protocol)
        expected.append("dumped_%d.pkl\t\t%s" % (protocol, lines("")))
    save("others.pth", {"state_dict": STATE, "q": torch.quantize_per_tensor(torch.ones(2, 3), .1, 0, torch.qint8), "s": torch.eye(3).to_sparse(),
                        "c": torch.ones(2, dtype=torch.complex64), "m": torch.empty(3, device="meta")}, "state_dict.")
    torch.save({"state_dict": {**STATE, "head.weight": Holder(STATE["head.weight"])}}, path("hidden.pth"))
    torch.save({"net": Holder(STATE)}, path("inside.pth"))


def several():
    half = {k: STATE[k] for k in list(STATE)[:2]}, {k: STATE[k] for k in list(STATE)[2:]}
    safetensors("1of2.safetensors", half[0])
    torch.save(half[1], path("2of2.bin"))
    files = {k: "1of2.safetensors" if k in half[0] else "2of2.bin" for k in STATE}
    index("index.json", files)
    expected.append("index.json\t\t%s" % lines("", dict(sorted(STATE.items()))))
    index("missing.json", {**files, "conv.bias": "3of3.safetensors"})
    index("mismatch.json", {**files, "conv.bias": "2of2.bin"})
    with open(path("escape.json"), "w") as f:
        json.dump({"weight_map": {"a": "../golden/formats_1of2.safetensors"}}, f)
    np.savez(path("mixed.npz"), a=np.ones(3, "f4"), o=np.array([None]), t=np.array(["x"]), c=np.ones(2, "c8"))


def main():
    pickles()
    several()
    with open(path("expected.txt"), "w") as f:
        f.write("\n".join(expected) + "\n")


if __name__ == "__main__":
    main()
