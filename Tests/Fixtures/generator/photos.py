"""Pictures as cameras and phones leave them, and what diffusers' load_image makes of them: PIL's exif_transpose and convert("RGB").

Run alone (python -m generator.photos) or by make.py; needs neither torch nor diffusers.
"""

import io
import json
import pathlib
import struct
import warnings
import zlib

import numpy
import PIL.Image
import PIL.ImageOps

_SIZE = (19, 13)


def write(folder):
    """Writes NAME.{png,webp,jpg}, NAME.ppm (as it is seen), NAME-WxH.ppm (scaled), and index.json."""
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    entries = []
    for name, data in {**_turned(), **_metadata(), **_jpegs()}.items():
        (folder / name).write_bytes(data)
        stem = name.replace(".", "-")
        picture = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data))).convert("RGB")
        picture.save(folder / f"{stem}.ppm")
        entry = {"file": name, "pixels": f"{stem}.ppm"}
        if name in _turned():
            # Across, then down: some versions of PIL scale pictures that lose much of their height down first.
            lanczos = PIL.Image.Resampling.LANCZOS
            scaled = picture.resize((24, picture.height), lanczos).resize((24, 8), lanczos)
            scaled.save(folder / f"{stem}-24x8.ppm")
            entry["scaled"] = f"{stem}-24x8.ppm"
        entries.append(entry)
    text = json.dumps({"pillow": PIL.__version__, "photos": entries}, indent=1)
    (folder / "index.json").write_text(text + "\n", encoding="utf-8")


def _pixels(size=_SIZE, seed=5):
    """Smooth on one side and rough on the other, and like itself in no direction."""
    generator = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0 : size[1], 0 : size[0]]
    smooth = numpy.stack([x * 255 // size[0], y * 255 // size[1], (x * y) % 256], axis=2)
    rough = generator.integers(0, 256, smooth.shape)
    return PIL.Image.fromarray(numpy.where((x > size[0] // 2)[:, :, None], rough, smooth).astype(numpy.uint8))


def _saved(picture, kind, **settings):
    target = io.BytesIO()
    picture.save(target, kind, **settings)
    return target.getvalue()


def _exif(value, order=">", field=3, tags=((274, None),)):
    """An Exif block of one directory, the orientation in a field of any type."""
    codes = {1: "B", 3: "H", 4: "I", 5: "II", 7: "B", 11: "f", 12: "d"}
    body, outside = b"", b""
    start = 8 + 2 + 12 * len(tags) + 4
    for tag, other in tags:
        number = value if other is None else other
        data = struct.pack(order + codes[field], *((number, 1) if field == 5 else (number,)))
        if len(data) > 4:
            place = struct.pack(order + "I", start + len(outside))
            outside += data
        else:
            place = data.ljust(4, b"\0")
        body += struct.pack(order + "HHI", tag, field, 1) + place
    head = b"MM\0*" if order == ">" else b"II*\0"
    count = struct.pack(order + "H", len(tags))
    return head + struct.pack(order + "I", 8) + count + body + struct.pack(order + "I", 0) + outside


def _xmp(value, attribute=True):
    inside = f'tiff:Orientation="{value}"/>' if attribute else f"><tiff:Orientation>{value}</tiff:Orientation></rdf:Description>"
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description {inside}</rdf:RDF></x:xmpmeta>'
    return text.encode()


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(*chunks, after=()):
    """A PNG with chunks in front of its pixels, and behind them."""
    plain = _saved(_pixels(), "PNG")
    middle, end = plain.index(b"IDAT") - 4, plain.index(b"IEND") - 4
    return plain[:middle] + b"".join(chunks) + plain[middle:end] + b"".join(after) + plain[end:]


def _jpeg(*segments):
    """A JPEG with APP1 segments in front of all others."""
    plain = _saved(_pixels(), "JPEG", quality=90)
    return plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments) + plain[2:]


def _turned():
    """Each value in each format."""
    files = {}
    for value in range(1, 9):
        files[f"turned-{value}.png"] = _png(_chunk(b"eXIf", _exif(value)))
        files[f"turned-{value}.webp"] = _saved(_pixels(), "WEBP", lossless=True, exif=b"Exif\0\0" + _exif(value))
        files[f"turned-{value}.jpg"] = _jpeg(b"Exif\0\0" + _exif(value))
    return files


def _metadata():
    """Where else an orientation may stand, and what is none."""
    profile = b"Exif\0\0" + _exif(6)
    lines = "\n".join(profile.hex()[i : i + 72] for i in range(0, 2 * len(profile), 72))
    text = f"\nexif\n{len(profile):8}\n{lines}\n".encode()
    keyword, xmp = b"Raw profile type exif\0", b"XML:com.adobe.xmp\0"
    namespace = b"http://ns.adobe.com/xap/1.0/\0"
    damaged = _exif(6)[:20]
    long_block = _exif(6, tags=((271, 1), (274, None)))
    files = {
        "profile-text.png": _png(_chunk(b"tEXt", keyword + text)),
        "profile-packed.png": _png(_chunk(b"zTXt", keyword + b"\0" + zlib.compress(text))),
        "profile-beside-block.png": _png(_chunk(b"eXIf", _exif(3)), _chunk(b"tEXt", keyword + text)),
        "xmp.png": _png(_chunk(b"iTXt", xmp + b"\0\0\0\0" + _xmp(8))),
        "xmp-packed.png": _png(_chunk(b"iTXt", xmp + b"\1\0\0\0" + zlib.compress(_xmp(8, False)))),
        "xmp-beside-exif.png": _png(_chunk(b"eXIf", _exif(1)), _chunk(b"iTXt", xmp + b"\0\0\0\0" + _xmp(8))),
        "xmp-beside-other-exif.png": _png(
            _chunk(b"eXIf", _exif(6, tags=((271, 1),))), _chunk(b"iTXt", xmp + b"\0\0\0\0" + _xmp(8))
        ),
        "exif-behind.png": _png(after=[_chunk(b"eXIf", _exif(5))]),
        "exif-twice.png": _png(_chunk(b"eXIf", _exif(5)), _chunk(b"eXIf", _exif(2))),
        "little-endian.png": _png(_chunk(b"eXIf", _exif(6, "<"))),
        "prefix.png": _png(_chunk(b"eXIf", b"Exif\0\0" + _exif(6))),
        "second-tag.png": _png(_chunk(b"eXIf", long_block)),
        "cut.png": _png(_chunk(b"eXIf", damaged)),
        "zero.png": _png(_chunk(b"eXIf", _exif(0))),
        "nine.png": _png(_chunk(b"eXIf", _exif(9))),
        "as-byte.png": _png(_chunk(b"eXIf", _exif(6, field=1))),
        "as-long.png": _png(_chunk(b"eXIf", _exif(6, field=4))),
        "as-rational.png": _png(_chunk(b"eXIf", _exif(6, field=5))),
        "as-float.png": _png(_chunk(b"eXIf", _exif(6.0, field=11))),
        "as-double.png": _png(_chunk(b"eXIf", _exif(6.0, "<", field=12))),
        "xmp.webp": _saved(_pixels(), "WEBP", lossless=True, xmp=_xmp(7)),
        "no-prefix.webp": _saved(_pixels(), "WEBP", lossless=True, exif=_exif(7)),
        "xmp.jpg": _jpeg(namespace + _xmp(6, False)),
        "two-segments.jpg": _jpeg(b"Exif\0\0" + long_block[:30], b"Exif\0\0" + long_block[30:]),
        "xmp-first.jpg": _jpeg(namespace + _xmp(3), b"Exif\0\0" + _exif(8)),
    }
    return files


def _jpegs():
    """Kinds of JPEG."""
    files = {}
    for size in ((1, 1), (17, 9), (33, 41)):
        for sampling in ("4:4:4", "4:2:2", "4:2:0"):
            for progressive in (False, True):
                kind = "progressive" if progressive else "baseline"
                files[f"{kind}-{sampling.replace(':', '')}-{size[0]}x{size[1]}.jpg"] = _saved(
                    _pixels(size), "JPEG", quality=85, subsampling=sampling, progressive=progressive
                )
    picture = _pixels((33, 21))
    files["gray.jpg"] = _saved(picture.convert("L"), "JPEG", quality=80)
    files["gray-progressive.jpg"] = _saved(picture.convert("L"), "JPEG", quality=80, progressive=True)
    files["rgb.jpg"] = _saved(picture, "JPEG", quality=80, keep_rgb=True)
    files["restarts.jpg"] = _saved(picture, "JPEG", quality=80, restart_marker_blocks=2)
    files["low.jpg"] = _saved(picture, "JPEG", quality=3)
    inks = numpy.random.default_rng(8).integers(0, 256, (21, 33, 4)).astype(numpy.uint8)
    inks = PIL.Image.frombytes("CMYK", (33, 21), inks.tobytes()).resize((33, 21), PIL.Image.Resampling.BOX)
    files["cmyk.jpg"] = _saved(inks, "JPEG", quality=90)
    adobe = files["cmyk.jpg"].index(b"Adobe")
    ycck = bytearray(files["cmyk.jpg"])
    ycck[adobe + 11] = 2
    files["ycck.jpg"] = bytes(ycck)
    plain = files["cmyk.jpg"]
    files["cmyk-without-adobe.jpg"] = plain[: adobe - 4] + plain[adobe + 12 :]
    behind = files["rgb.jpg"] + b"a thumbnail, or a second picture"
    files["bytes-behind.jpg"] = behind
    return files


if __name__ == "__main__":
    write(pathlib.Path(__file__).resolve().parent.parent / "golden" / "photos")
