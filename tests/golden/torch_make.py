#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the files torch_* beside this script and torch_hashes.txt, which says what is in them.

Needs Debian's python3-torch and python3-numpy; the same versions give the same bytes. Run: python3 tests/golden/torch_make.py
A line of torch_hashes.txt: file, tensor, dtype, shape, SHA-256 of its values as little-endian f32 in C order.
"""
import collections
import hashlib
import io
import os
import pickle
import struct
import tarfile
import zipfile

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SHORT = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "float64": "f64", "int64": "i64", "int32": "i32",
         "int16": "i16", "int8": "i8", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64", "bool": "bool"}
lines = []


def note(name, key, values):
    if isinstance(values, torch.Tensor):
        dtype = str(values.dtype)[6:]
        values = values.detach()
        values = values.float().numpy() if dtype == "bfloat16" else values.numpy()
    else:
        dtype = values.dtype.name
    with np.errstate(over="ignore"):
        flat = np.ascontiguousarray(values).astype("<f4")
    lines.append("\t".join([name, key, SHORT[dtype], ",".join(map(str, values.shape)) or "-",
                            hashlib.sha256(flat.tobytes()).hexdigest()]))


def note_tree(name, tree, path=""):
    if isinstance(tree, torch.Tensor):
        note(name, path or "tensor", tree)
    elif isinstance(tree, (dict, list, tuple)):
        for key, value in (tree.items() if isinstance(tree, dict) else enumerate(tree)):
            note_tree(name, value, (path + "." if path else "") + str(key))


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)


def saved(obj, **options):
    f = io.BytesIO()
    torch.save(obj, f, **options)
    return f.getvalue()


def state_dict():
    torch.manual_seed(1)
    base = torch.randn(6, 5)
    whole = torch.randn(40)
    shared = torch.randn(3)
    d = collections.OrderedDict()
    d["conv1.weight"] = torch.nn.Parameter(torch.randn(4, 3, 3, 3))
    d["conv1.bias"] = torch.randn(4)
    d["base"] = base
    d["transposed"] = base.t()
    d["slice"] = base[2:5, 1:4]
    d["channels_last"] = torch.randn(2, 3, 2, 2).to(memory_format=torch.channels_last)
    d["one_of_whole"] = whole[7:9]
    d["expanded"] = torch.randn(3, 1).expand(3, 4)
    d["tied.a"] = shared
    d["tied.b"] = shared
    d["half"] = torch.tensor([0.1, -65504.0, 6e-8, 1.0, float("inf")]).half()
    d["bf16"] = torch.tensor([0.1, -3e38, 1e-39, 1.0]).bfloat16()
    d["double"] = torch.tensor([1 / 3, -1e300, 1e-300, 16777217.0], dtype=torch.float64)
    d["long"] = torch.tensor([[-1, 2**53 + 1], [2**62, 16777217]])
    d["int"] = torch.tensor([-2**31, 2**31 - 1], dtype=torch.int32)
    d["short"] = torch.tensor([-32768, 32767], dtype=torch.int16)
    d["char"] = torch.tensor([-128, 127], dtype=torch.int8)
    d["byte"] = torch.tensor([0, 255], dtype=torch.uint8)
    d["bool"] = torch.tensor([True, False, True])
    d["num_batches_tracked"] = torch.tensor(12345)
    d["empty"] = torch.zeros(0, 3)
    return d


class Lister(pickle.Unpickler):
    """Notes (key, bytes of an element) of each storage that a pickle refers to, in order."""

    def __init__(self, f):
        super().__init__(f)
        self.sizes = {}

    def persistent_load(self, saved_id):
        self.sizes[saved_id[2]] = torch.tensor([], dtype=saved_id[1].dtype).element_size()

    def find_class(self, module, name):
        return (lambda *args: None) if name.startswith("_rebuild") else super().find_class(module, name)


def fixed_keys(data):
    """A legacy file names its storages by address, in the order of addresses: give them numbers in order of use."""
    f = io.BytesIO(data)
    for _ in range(3):
        pickle.load(f)
    start = f.tell()
    lister = Lister(f)
    lister.load()
    body = data[start:f.tell()]
    blobs = {}
    for key in pickle.load(f):
        count, = struct.unpack("<q", f.read(8))
        blobs[key] = struct.pack("<q", count) + f.read(count * lister.sizes[key])
    names = {key: str(1000 + i) for i, key in enumerate(lister.sizes)}
    text = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()
    for key, new in names.items():
        body = body.replace(text(key), text(new))
    return data[:start] + body + pickle.dumps(list(names.values()), protocol=2) + b"".join(blobs[k] for k in names)


def rezip(data, method, change=lambda name, body: body):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            body = change(info.filename, old.read(info))
            if body is not None:
                entry = zipfile.ZipInfo(info.filename)
                entry.compress_type = method
                new.writestr(entry, body)
    return out.getvalue()


def big_endian(data):
    """The zip as a big-endian machine writes it: storages swapped, a member `byteorder`."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        lister = Lister(io.BytesIO(z.read("archive/data.pkl")))
        lister.load()

    def swap(name, body):
        if not name.startswith("archive/data/"):
            return body
        size = lister.sizes[name.split("/")[-1]]
        return np.frombuffer(body, "V%d" % size).view("u1").reshape(-1, size)[:, ::-1].tobytes()

    out = io.BytesIO(rezip(data, zipfile.ZIP_STORED, swap))
    with zipfile.ZipFile(out, "a") as z:
        z.writestr(zipfile.ZipInfo("archive/byteorder"), b"big")
    return out.getvalue()


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.bn = torch.nn.BatchNorm2d(4)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = torch.nn.Sequential(Block())
        self.fc = torch.nn.Linear(4, 2).half()
        self.fc.weight.data = torch.randn(4, 2).half().t()

    def forward(self, x):
        return self.layer1(x).mean(dim=(2, 3)) @ self.fc.weight.float().t() + self.fc.bias.float()


def training_checkpoint():
    torch.manual_seed(3)
    net = torch.nn.Sequential(collections.OrderedDict(fc=torch.nn.Linear(2, 2), bn=torch.nn.BatchNorm1d(2)))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    net(torch.randn(4, 2)).sum().backward()
    optimizer.step()
    schedule.step()
    state = net.state_dict()
    import argparse
    return {"epoch": 7, "arch": "tiny", "best": np.float64(0.75), "loss": [0.5, 0.25], "state_dict": state,
            "model_ema": collections.OrderedDict(shadow=state), "optimizer": optimizer.state_dict(),
            "scheduler": schedule.state_dict(), "args": argparse.Namespace(lr=0.01, gpu=None, names=("a", "b")),
            "rng": np.arange(3), "dtype": torch.float32, "size": torch.Size([1, 2]), "device": torch.device("cpu"), "seen": {1, 2}}


def tar_format(tensors):
    """PyTorch 0.1's: tensors is {name: (storage values, first element, shape, strides)}."""
    storages, layouts = io.BytesIO(), io.BytesIO()
    pickle.dump(len(tensors), storages, protocol=2)
    pickle.dump(len(tensors), layouts, protocol=2)
    kinds = {"float32": "Float", "int64": "Long", "float64": "Double"}
    tuples = []
    for i, (name, (values, first, shape, strides)) in enumerate(tensors.items()):
        kind = kinds[values.dtype.name]
        dump = lambda key, second, what: b"\x80\x02J" + struct.pack("<i", key) + second + b"ctorch\n" + kind.encode() + what + b"\n\x87."
        storages.write(dump(900 - i, b"X\x03\0\0\0cpu", b"Storage") + struct.pack("<q", values.size) + values.tobytes())
        layouts.write(dump(100 + i, b"J" + struct.pack("<i", 900 - i if name != "view" else 5000), b"Tensor"))
        layouts.write(struct.pack("<ii%dq" % (2 * len(shape) + 1), len(shape), 0, *shape, *strides, first))
        tuples.append((name, 100 + i))
    pickle.dump([(5000, 900, 4, 6)], storages, protocol=2)
    body = b"\x80\x02ccollections\nOrderedDict\n)R("
    for name, key in tuples:
        body += b"X" + struct.pack("<I", len(name)) + name.encode()
        reference = b"X\x03\0\0\0" + str(key).encode() + b"Q"
        if name == "fc.weight":
            reference = b"ctorch.nn.parameter\nParameter\n)\x81(" + reference + b"NN\x88\x89tb"
        body += reference
    body += b"u."
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in (("sys_info", pickle.dumps({"little_endian": True}, protocol=2)), ("pickle", body),
                           ("tensors", layouts.getvalue()), ("storages", storages.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1483986443.887173
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + b"\0" * 1024


def op_text(s, python2=False):
    return (b"U" + bytes([len(s)]) if python2 else b"X" + struct.pack("<I", len(s))) + s.encode()


def op_tuple(numbers):
    return b"(" + b"".join(b"K" + bytes([n]) for n in numbers) + b"t"


def old_format(values):
    """As Python 2 and PyTorch 0.3 wrote: str keys, an OrderedDict of [key, value] pairs, views of storages."""
    def tensor(view, first, size, stride):
        return (b"ctorch._utils\n_rebuild_tensor\n((" + op_text("storage", True) + b"ctorch\nFloatStorage\n" + op_text("77", True) +
                op_text("cpu", True) + b"K" + bytes([len(values)]) + view + b"tQK" + bytes([first]) + op_tuple(size) + op_tuple(stride) + b"tR")

    view = lambda key, first, n: b"(" + op_text(key, True) + b"K" + bytes([first]) + b"K" + bytes([n]) + b"t"
    pairs = {"whole": tensor(b"N", 0, [len(values)], [1]), "view": tensor(view("78", 3, 6), 1, [2, 2], [2, 1]),
             "other": tensor(view("79", 5, 2), 0, [2], [1])}
    body = b"\x80\x02ccollections\nOrderedDict\n]("
    for key, value in pairs.items():
        body += b"](" + op_text(key, True) + value + b"e"
    return (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2) +
            body + b"e\x85R." + b"\x80\x02]U\x0277a." + struct.pack("<q", len(values)) + values.astype("<f4").tobytes())


def new_format(values):
    """As PyTorch 2.3 writes dtypes that have no storage type of their own, and tensors with attributes."""
    def arguments(n, stride):
        return (b"((" + op_text("storage") + b"ctorch.storage\nUntypedStorage\n" + op_text("0") + op_text("cpu") +
                b"K" + bytes([values.nbytes]) + b"tQK\x02" + op_tuple(n) + op_tuple(stride) + b"\x89ccollections\nOrderedDict\n)R")

    typed = lambda n, stride, dtype: arguments(n, stride) + b"ctorch\n" + dtype + b"\n"
    v3 = b"ctorch._utils\n_rebuild_tensor_v3\n"
    body = b"\x80\x02}(" + op_text("u2") + v3 + typed([2, 2], [3, 1], b"uint16") + b"tR"
    body += op_text("i4") + v3 + typed([2], [1], b"int32") + b"}tR"
    body += op_text("parameter") + b"ctorch._utils\n_rebuild_parameter_with_state\n(" + v3 + typed([3], [2], b"int16") + b"tR" + \
        b"\x88ccollections\nOrderedDict\n)R}tR"
    body += op_text("typed") + b"ctorch._tensor\n_rebuild_from_type_v2\n(" + v3 + b"ctorch.nn.parameter\nParameter\n" + \
        typed([3], [1], b"int16") + b"t}tR"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in (("n/data.pkl", body + b"u."), ("n/byteorder", b"little"), ("n/data/0", values.tobytes()), ("n/version", b"3\n")):
            z.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def main():
    state = state_dict()
    legacy = fixed_keys(saved(state, _use_new_zipfile_serialization=False))
    plain = saved(state)
    files = {"torch_legacy.pth": legacy, "torch_zip.pth": plain, "torch_deflated.pth": rezip(plain, zipfile.ZIP_DEFLATED),
             "torch_protocol4.pth": saved(state, pickle_protocol=4), "torch_bigendian.pth": big_endian(plain),
             "torch_training.pth": saved(training_checkpoint())}
    for name, data in files.items():
        write(name, data)
        if name != "torch_bigendian.pth":  # PyTorch < 2.1 does not know of byteorder
            note_tree(name, torch.load(io.BytesIO(data)))
        else:
            note_tree(name, state)

    torch.manual_seed(2)
    net = Net().eval()
    script = io.BytesIO()
    torch.jit.save(torch.jit.trace(net, torch.randn(1, 3, 5, 5)), script)
    write("torch_script.pt", rezip(script.getvalue(), zipfile.ZIP_DEFLATED, lambda n, b: None if n.endswith(".debug_pkl") else b))
    note_tree("torch_script.pt", dict(torch.jit.load(os.path.join(HERE, "torch_script.pt")).state_dict()))

    rng = np.random.default_rng(4)
    numbers = rng.standard_normal((3, 4)).astype("<f4")
    old = {"fc.weight": (rng.standard_normal(12).astype("<f4"), 0, (4, 3), (1, 4)), "fc.bias": (np.arange(5, dtype="<f8"), 2, (3,), (1,)),
           "count": (np.array([7, 8], "<i8"), 1, (1,), (1,)), "view": (np.zeros(1, "<f4"), 1, (2, 2), (2, 1))}
    write("torch_tar.pth", tar_format(old))
    note_tree("torch_tar.pth", torch.load(os.path.join(HERE, "torch_tar.pth")))

    write("torch_old.pth", old_format(rng.standard_normal(12)))
    note_tree("torch_old.pth", torch.load(os.path.join(HERE, "torch_old.pth")))

    values = np.array([1, 2, 3, 40000, 50000, 60000, 7, 8], "<u2")
    write("torch_new.pth", new_format(values))
    note("torch_new.pth", "u2", np.stack([values[2:4], values[5:7]]))
    note("torch_new.pth", "i4", values[4:8].view("<i4"))
    note("torch_new.pth", "parameter", values[2:7:2].view("<i2"))
    note("torch_new.pth", "typed", values[2:5].view("<i2"))

    arrays = {"f4": numbers, "fortran": np.asfortranarray(numbers), "big": numbers.astype(">f8"), "f2": numbers.astype("<f2"),
              "i8": np.array([-1, 2**53 + 1]), "u2": np.array([0, 65535], ">u2"), "u8": np.array([2**64 - 1, 1], "<u8"),
              "b1": np.array([True, False]), "scalar": np.float32(2.5), "empty": np.zeros((0, 2), "<f4"),
              "layer1.0.conv1.weight": rng.standard_normal((2, 2, 3, 3)).astype("<f4"), "i1": np.array([-128], "i1")}
    for name, save in (("torch_stored.npz", np.savez), ("torch_compressed.npz", np.savez_compressed)):
        f = io.BytesIO()
        save(f, labels=np.array(["a", "bc"]), **arrays)
        write(name, f.getvalue())
        for key, values in arrays.items():
            note(name, key, np.asarray(values).astype(np.asarray(values).dtype.newbyteorder("=")))
    for name, values in (("torch_c.npy", numbers), ("torch_fortran_big.npy", np.asfortranarray(numbers.astype(">f4")))):
        f = io.BytesIO()
        np.save(f, values)
        write(name, f.getvalue())
        note(name, "array", values.astype("=f4"))
    f = io.BytesIO()
    np.lib.format.write_array(f, numbers, version=(3, 0))
    write("torch_version3.npy", f.getvalue())
    note("torch_version3.npy", "array", numbers)

    with open(os.path.join(HERE, "torch_hashes.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
