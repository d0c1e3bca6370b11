#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the decoders and the resizing with Pillow, picture by picture and byte by byte.

usage: tests/pillow.py [PROGRAM [FOLDER...]]     default: ./fusiform, and the pictures below /usr/share and /usr/lib/python3

Every JPEG, PNG, BMP and PNM found in the folders and some 150 made here, of all the kinds that Pillow writes; then 500 random
pairs of sizes with both filters. Prints how many are identical and names the others. Pillow is needed (Debian: python3-pil);
without it everything is skipped. Pillow's own conversion clips 16-bit grey at 255: PNGs are compared by their high byte, PNMs scaled.
"""
import os
import random
import subprocess
import sys
import tempfile
import warnings

try:
    import PIL
    from PIL import Image
except ImportError:
    print("skipped: Pillow is not here")
    sys.exit(0)

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm")
Image.MAX_IMAGE_PIXELS = None
warnings.simplefilter("ignore")


def scene(rng, width, height):
    """A picture with smooth parts, edges and noise, as photographs have them."""
    noise = Image.frombytes("RGB", (max(1, width // 5), max(1, height // 5)), rng.randbytes(3 * max(1, width // 5) * max(1, height // 5)))
    image = noise.resize((width, height), Image.Resampling.BICUBIC)
    patch = Image.frombytes("RGB", (max(1, width // 3), max(1, height // 3)), rng.randbytes(3 * max(1, width // 3) * max(1, height // 3)))
    image.paste(patch, (width // 3, height // 4))
    return image


def made(folder, rng):
    """Pictures of every kind that Pillow writes -> their paths."""
    paths = []

    def save(image, name, **options):
        path = os.path.join(folder, "%03d-%s" % (len(paths), name))
        image.save(path, **options)
        paths.append(path)

    sizes = [(1, 1), (7, 3), (8, 8), (17, 33), (64, 48), (101, 67), (160, 120)]
    for i, size in enumerate(sizes):
        rgb = scene(rng, *size)
        for sampling in (0, 1, 2):
            for progressive in (False, True):
                save(rgb, "ycc%d%s.jpg" % (sampling, "-progressive" * progressive), quality=rng.randint(5, 100), subsampling=sampling,
                     progressive=progressive, optimize=i % 2 == 0)
        for progressive in (False, True):
            save(rgb.convert("L"), "grey%s.jpg" % ("-progressive" * progressive), quality=rng.randint(5, 100), progressive=progressive)
            save(rgb.convert("CMYK"), "cmyk%s.jpg" % ("-progressive" * progressive), quality=rng.randint(30, 100), progressive=progressive)
        save(rgb, "restarts.jpg", restart_marker_blocks=3) if tuple(map(int, PIL.__version__.split(".")[:2])) >= (10, 2) else None
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            image = rgb.convert("L").point(lambda v: v * 257, "I").convert("I;16") if mode == "I;16" else rgb.convert(mode)
            save(image, "%s.png" % mode.replace(";", ""))
        save(rgb.quantize(rng.choice([2, 3, 4, 16, 200])), "few.png")
        for mode, ending in (("1", "pbm"), ("L", "pgm"), ("RGB", "ppm")):
            save(rgb.convert(mode), "%s.%s" % (mode, ending))
        for mode in ("1", "L", "P", "RGB", "RGBA"):
            save(rgb.convert(mode), "%s.bmp" % mode)
    return paths


def found(folders):
    for folder in folders:
        for root, names, files in os.walk(folder):
            names.sort()
            for name in sorted(files):
                path = os.path.join(root, name)
                if name.lower().endswith(ENDINGS) and os.path.isfile(path) and not os.path.islink(path):
                    yield path


def pixels_of_pillow(path):
    """[size, bytes]; None where Pillow does not read it."""
    try:
        with Image.open(path) as image:
            image.load()
            if image.format not in ("JPEG", "PNG", "BMP", "DIB", "PPM", "MPO"):
                return None
            if image.mode.startswith("I"):  # 16 bits of grey
                high = image.format == "PNG"
                image = Image.frombytes("L", image.size, bytes(v >> 8 if high else round(v * 255 / 65535) for v in image.convert("I").getdata()))
            rgb = image.convert("RGB")
            return rgb.size, rgb.tobytes()
    except Exception as problem:  # Pillow raises many kinds
        print("  Pillow does not read %s: %s" % (path, problem))
        return None


def pixels_of_program(program, path, out, *options):
    """[size, bytes], or its message."""
    done = subprocess.run([program, "image", path, "-o", out, *options], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    with Image.open(out) as image:
        return image.size, image.tobytes()


def compare_decoders(program, paths, out):
    equal, kinds, exceptions = 0, {}, []
    for path in paths:
        want = pixels_of_pillow(path)
        if want is None:
            continue
        got = pixels_of_program(program, path, out)
        if got == want:
            equal += 1
            kind = os.path.splitext(path)[1].lower()
            kinds[kind] = kinds.get(kind, 0) + 1
        else:
            exceptions.append((path, got if isinstance(got, str) else "other pixels"))
    print("decoding: %d of %d identical (%s)" % (equal, equal + len(exceptions), ", ".join("%s %d" % k for k in sorted(kinds.items()))))
    for path, why in exceptions:
        print("  %s: %s" % (path, why))
    return len(exceptions)


def compare_resizing(program, rng, folder, out, n_pairs):
    bad = 0
    for i in range(n_pairs):
        size, to = [(rng.randint(1, 300), rng.randint(1, 300)) for _ in range(2)]
        image = scene(rng, *size) if i % 3 else scene(rng, *size).convert("L").convert("RGB")
        path = os.path.join(folder, "resize.ppm")
        image.save(path)
        for name, filter_ in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
            small = image.resize(to, filter_)
            if pixels_of_program(program, path, out, "--resize", "%dx%d" % to, "--interp", name) != (small.size, small.tobytes()):
                print("  %d x %d -> %d x %d, %s: other pixels" % (*size, *to, name))
                bad += 1
    print("resizing: %d of %d identical" % (2 * n_pairs - bad, 2 * n_pairs))
    return bad


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "./fusiform"
    rng = random.Random(1)
    print("Pillow %s" % PIL.__version__)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.ppm")
        bad = compare_decoders(program, made(folder, rng) + list(found(sys.argv[2:] or ["/usr/share", "/usr/lib/python3"])), out)
        bad += compare_resizing(program, rng, folder, out, 500)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
