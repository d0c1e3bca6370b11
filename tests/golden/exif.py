#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Golden pictures with an orientation: exif_*.jpg and exif_list.txt (file, orientation, SHA-256 of the upright pixels).

usage: tests/golden/exif.py        (from the repository's root; needs Debian's python3-pil)
"""
import hashlib
import io

import numpy as np
from PIL import Image, ImageOps

HERE = "tests/golden/"


def tiff(order, orientation, before):
    """A TIFF header and a directory with `before` other entries in front of the orientation."""
    end = "little" if order == b"II" else "big"
    number = lambda v, n: v.to_bytes(n, end)
    entries = b"".join(number(0x0100 + i, 2) + number(4, 2) + number(1, 4) + number(7, 4) for i in range(before))
    entries += number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + b"\0\0"
    return order + number(42, 2) + number(8, 4) + number(before + 1, 2) + entries + number(0, 4)


pixels = (np.arange(5 * 3 * 3) * 37 % 251).astype(np.uint8).reshape(3, 5, 3)
lines = []
for orientation in range(1, 9):
    order = [b"II", b"MM"][orientation % 2]
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95, exif=b"Exif\0\0" + tiff(order, orientation, orientation - 1))
    data = out.getvalue()
    name = f"exif_{orientation}.jpg"
    with open(HERE + name, "wb") as f:
        f.write(data)
    im = Image.open(io.BytesIO(data))
    assert im.getexif().get(0x0112) == orientation
    upright = np.asarray(ImageOps.exif_transpose(im).convert("RGB"))
    lines.append(f"{name} {orientation} {upright.shape[1]} {upright.shape[0]} {hashlib.sha256(upright.tobytes()).hexdigest()}")
with open(HERE + "exif_list.txt", "w") as f:
    f.write("\n".join(lines) + "\n")
