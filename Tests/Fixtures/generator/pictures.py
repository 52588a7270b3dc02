"""Pictures of every kind that may begin a run, what PIL reads from them, and what it makes of them at another size."""

import struct
import zlib

import numpy
import PIL.Image

#: The seven passes of an interlaced PNG: first column and row, and the steps between them.
_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]

#: name: (color type, bits a sample, samples a pixel)
_KINDS = {
    "gray-1": (0, 1, 1),
    "gray-2": (0, 2, 1),
    "gray-4": (0, 4, 1),
    "gray-8": (0, 8, 1),
    "gray-16": (0, 16, 1),
    "rgb-8": (2, 8, 3),
    "rgb-16": (2, 16, 3),
    "palette-1": (3, 1, 1),
    "palette-4": (3, 4, 1),
    "palette-8": (3, 8, 1),
    "gray-alpha-8": (4, 8, 2),
    "gray-alpha-16": (4, 16, 2),
    "rgba-8": (6, 8, 4),
    "rgba-16": (6, 16, 4),
}
_SIZE = (19, 13)

#: Width and height of a picture, and what it is scaled to.
_SCALINGS = [
    ((97, 61), (40, 24)),
    ((13, 9), (40, 56)),
    ((64, 48), (64, 24)),
    ((48, 64), (24, 64)),
    ((301, 203), (8, 16)),
    ((1, 1), (8, 8)),
    ((3, 500), (16, 8)),
    ((40, 40), (40, 40)),
]


def write(folder):
    """Writes NAME.png and NAME.ppm (its pixels), and SOURCE-WxH.ppm beside SOURCE.png; returns the index entries."""
    folder.mkdir()
    generator = numpy.random.default_rng(99)
    kinds = []
    for name, (color, bits, samples) in _KINDS.items():
        width, height = _SIZE
        values = generator.integers(0, 2**bits, (height, width, samples))
        for interlaced in (False, True):
            file = f"{name}-interlaced" if interlaced else name
            (folder / f"{file}.png").write_bytes(_png(values, color, bits, interlaced))
            kinds.append({"file": f"{folder.name}/{file}.png", "pixels": f"{folder.name}/{name}.ppm"})
        if bits == 16:  # PIL clips gray of 16 bits; the high byte is what it takes of colours.
            high = (values >> 8).astype(numpy.uint8)[:, :, : samples - (1 - samples % 2)]
            pixels = PIL.Image.fromarray(numpy.broadcast_to(high, (height, width, 3)).copy())
        else:
            pixels = PIL.Image.open(folder / f"{name}.png").convert("RGB")
        pixels.save(folder / f"{name}.ppm")
    translucent = PIL.Image.fromarray(generator.integers(0, 256, (13, 19, 4)).astype(numpy.uint8))
    for name, settings in {"lossless": {"lossless": True, "exact": True}, "lossy": {"quality": 80}}.items():
        translucent.save(folder / f"{name}.webp", **settings)
        PIL.Image.open(folder / f"{name}.webp").convert("RGB").save(folder / f"{name}.ppm")
        kinds.append({"file": f"{folder.name}/{name}.webp", "pixels": f"{folder.name}/{name}.ppm"})
    frames = [PIL.Image.new("RGB", (16, 16), color) for color in ("red", "green", "blue")]
    for ending in ("webp", "png"):
        frames[0].save(folder / f"animated.{ending}", save_all=True, append_images=frames[1:], duration=50)
    return {"kinds": kinds, "scalings": [_scaling(folder, generator, *sizes) for sizes in _SCALINGS]}


def _scaling(folder, generator, size, target):
    y, x = numpy.mgrid[0 : size[1], 0 : size[0]]
    smooth = numpy.stack([x * 255 // size[0], y * 255 // size[1], (x ^ y) * 3 % 256], axis=2)
    rough = generator.integers(0, 256, smooth.shape)
    picture = numpy.where((x > size[0] // 2)[:, :, None], rough, smooth).astype(numpy.uint8)
    name = f"source-{size[0]}x{size[1]}"
    image = PIL.Image.fromarray(picture)
    image.save(folder / f"{name}.png")
    scaled = f"{name}-{target[0]}x{target[1]}.ppm"
    # One side after the other: some versions of Pillow scale pictures that lose much of their height down first.
    lanczos = PIL.Image.Resampling.LANCZOS
    image.resize((target[0], size[1]), lanczos).resize(target, lanczos).save(folder / scaled)
    return {"file": f"{folder.name}/{name}.png", "scaled": f"{folder.name}/{scaled}"}


def _png(values, color, bits, interlaced):
    """A PNG of any kind: PIL writes few of them."""
    height, width, samples = values.shape
    passes = _ADAM7 if interlaced else [(0, 0, 1, 1)]
    data = b""
    for x, y, dx, dy in passes:
        part = values[y::dy, x::dx]
        if part.size:
            data += b"".join(b"\0" + _packed(row, bits) for row in part)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced)))]
    chunks.append((b"gAMA", struct.pack(">I", 100000)))  # which PIL ignores
    if color == 3:
        entries = numpy.random.default_rng(bits).integers(0, 256, (2**bits, 3)).astype(numpy.uint8)
        chunks += [(b"PLTE", entries.tobytes()), (b"tRNS", bytes([0, 128]))]
    chunks += [(b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def _packed(row, bits):
    flat = row.reshape(-1)
    if bits == 16:
        return flat.astype(">u2").tobytes()
    if bits == 8:
        return flat.astype(numpy.uint8).tobytes()
    digits = "".join(f"{value:0{bits}b}" for value in flat)
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")
