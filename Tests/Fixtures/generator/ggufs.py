"""Writes a GGUF file with a small tensor in each format that is read, of random blocks, and what the gguf package decodes them to.

    python -m generator.ggufs        from the folder of make.py: this part alone
"""

import pathlib
import shutil

import gguf
import numpy as np
import safetensors.numpy
from gguf import GGMLQuantizationType as Type

_SEED = 1847
_SHAPE = (4, 512)

#: Where the 16-bit floats of a block are.
_SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0], Type.Q2_K: [80, 82],
    Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
}
#: The first blocks get these: a subnormal number, the largest, a zero, a negative one.
_SPECIAL = [6e-8, 65504, -0.0, -0.25]

#: Filters as the converter for ComfyUI writes them: rows of 256 elements, whatever shape they had.
_FILTERS = ("filters.weight", Type.Q4_K, (8, 32, 3, 3))


def write(root):
    """Files `blocks.gguf` and `blocks.safetensors`."""
    root.mkdir(parents=True)
    random = np.random.default_rng(_SEED)
    writer = gguf.GGUFWriter(str(root / "blocks.gguf"), "sd1")
    writer.add_string("general.name", "Blöcke")
    writer.add_float32("test.float", -0.5)
    writer.add_bool("test.bool", True)
    writer.add_uint64("test.large", 2**64 - 1)
    writer.add_int8("test.small", -128)
    writer.add_array("test.words", ["one", "", "three"])
    writer.add_array("test.nested", [[1, 2], [3]])
    name, kind, shape = _FILTERS
    writer.add_array(f"comfy.gguf.orig_shape.{name}", shape)
    expected = {}
    for type in [Type.F32, Type.F16, Type.BF16, *_SCALES]:
        data = _blocks(random, type, _SHAPE)
        _add(writer, f"{type.name.lower()}.weight", data, type)
        expected[f"{type.name.lower()}.weight"] = gguf.quants.dequantize(data, type).astype(np.float32)
    rows = _blocks(random, kind, (int(np.prod(shape)) // 256, 256))
    _add(writer, name, rows, kind)
    expected[name] = gguf.quants.dequantize(rows, kind).reshape(shape)
    writer.add_tensor("steps", np.arange(7, dtype=np.int32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    safetensors.numpy.save_file(expected, root / "blocks.safetensors")


def _add(writer, name, data, type):
    writer.add_tensor(name, data, raw_dtype=None if type in (Type.F32, Type.F16) else type)


def _blocks(random, type, shape):
    floats = random.standard_normal(shape, dtype=np.float32)
    if type not in _SCALES:
        return gguf.quants.quantize(floats, type)
    elements, size = gguf.GGML_QUANT_SIZES[type]
    count = floats.size // elements
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for place in _SCALES[type]:
        scales = (0.05 * random.standard_normal(count)).astype(np.float16)
        scales[: len(_SPECIAL)] = np.array(_SPECIAL, np.float16)[:count]
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks.reshape(shape[0], -1)


if __name__ == "__main__":
    folder = pathlib.Path(__file__).resolve().parents[1] / "golden" / "gguf"
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
