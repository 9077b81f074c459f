#!/usr/bin/env python3
"""Writes the models that bench.mjs times, with the same random weights for both sides.

    pip install --require-hashes -r benches/web/requirements.txt
    python3 benches/web/models.py OUT TOKENIZER

OUT gets `<model>.onnx` (float32), `<model>.int8.onnx` (onnxruntime's dynamic quantization, weights signed with a scale
a channel) and, for `vitrine convert`, the checkpoint folders `<model>/`. TOKENIZER is a tokenizer.json whose vocabulary
the text encoder takes. Every graph is written the way exporters write it and then fused by onnxruntime's own optimizer
for transformers, which is the faster of the two for onnxruntime-web.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import save_file

VITS = {"vit-tiny": (192, 3), "vit-small": (384, 6)}  # hidden size, heads; 12 layers, patches of 16, 224 pixels
LAYERS, GRID, PATCH = 12, 14, 16
MINILM = {"hidden": 384, "heads": 12, "layers": 6, "inner": 1536, "positions": 512}


class Graph:
    """An ONNX graph under construction; every method adds nodes and returns the name of their output."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], {}, 0

    def add(self, kind, inputs, **attributes):
        self.count += 1
        name = f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name, value):
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def linear(self, x, tensors, key):
        weight = self.constant(f"{key}.weight.T", tensors[f"{key}.weight"].T)
        return self.add("Add", [self.add("MatMul", [x, weight]), self.constant(f"{key}.bias", tensors[f"{key}.bias"])])

    def norm(self, x, tensors, key, eps):
        scale = self.constant(f"{key}.weight", tensors[f"{key}.weight"])
        shift = self.constant(f"{key}.bias", tensors[f"{key}.bias"])
        return self.add("LayerNormalization", [x, scale, shift], axis=-1, epsilon=eps)

    def gelu(self, x):
        # x · ½ (1 + erf(x / √2)), which the optimizer knows as one operation
        one, half, root = (self.constant(n, np.float32(v)) for n, v in (("one", 1), ("half", 0.5), ("root", 2**0.5)))
        erf = self.add("Erf", [self.add("Div", [x, root])])
        return self.add("Mul", [self.add("Mul", [x, self.add("Add", [erf, one])]), half])

    def attention(self, query, key, value, heads, size, penalty=None):
        """query, key, value: [1, n, heads · size]."""
        shape = self.constant(f"heads_{heads}_{size}", np.array([0, 0, heads, size], np.int64))
        split = lambda x, axes: self.add("Transpose", [self.add("Reshape", [x, shape])], perm=axes)
        q, k, v = split(query, [0, 2, 1, 3]), split(key, [0, 2, 3, 1]), split(value, [0, 2, 1, 3])
        root = self.constant(f"root_{size}", np.float32(size**0.5))
        scores = self.add("Div", [self.add("MatMul", [q, k]), root])
        if penalty:
            scores = self.add("Add", [scores, penalty])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), v])
        flat = self.constant(f"flat_{heads}_{size}", np.array([0, 0, heads * size], np.int64))
        return self.add("Reshape", [self.add("Transpose", [mixed], perm=[0, 2, 1, 3]), flat])

    def save(self, path, inputs, output, shape):
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, path.stem, inputs, [result], list(self.weights.values()))
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def vit_tensors(rng, hidden):
    dense = lambda out, inner: (1.2 * rng.standard_normal((out, inner)) / inner**0.5).astype(np.float32)
    vector = lambda n: (0.1 * rng.standard_normal(n)).astype(np.float32)
    tensors = {
        "cls_token": vector((1, 1, hidden)),
        "pos_embed": vector((1, 1 + GRID * GRID, hidden)),
        "patch_embed.proj.weight": dense(hidden, 3 * PATCH * PATCH).reshape(hidden, 3, PATCH, PATCH),
        "patch_embed.proj.bias": vector(hidden),
    }
    norms = ["norm"] + [f"blocks.{i}.{norm}" for i in range(LAYERS) for norm in ("norm1", "norm2")]
    for norm in norms:
        tensors[f"{norm}.weight"], tensors[f"{norm}.bias"] = 1 + vector(hidden), vector(hidden)
    shapes = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.fc1": (4, 1), "mlp.fc2": (1, 4)}
    for i in range(LAYERS):
        for name, (out, inner) in shapes.items():
            tensors[f"blocks.{i}.{name}.weight"] = dense(out * hidden, inner * hidden)
            tensors[f"blocks.{i}.{name}.bias"] = vector(out * hidden)
    return tensors


def vit_graph(tensors, hidden, heads, path):
    """Patches [1, 196, 768], unfolded as channels, rows, columns → tokens [1, 197, hidden]."""
    g = Graph()
    flat = {k: v.reshape(hidden, -1) if k == "patch_embed.proj.weight" else v for k, v in tensors.items()}
    x = g.linear("patches", flat, "patch_embed.proj")
    x = g.add("Concat", [g.constant("cls_token", tensors["cls_token"]), x], axis=1)
    x = g.add("Add", [x, g.constant("pos_embed", tensors["pos_embed"])])
    for i in range(LAYERS):
        key = f"blocks.{i}"
        parts = {}
        for j, part in enumerate("qkv"):  # apart, as the optimizer wants them
            rows = slice(j * hidden, (j + 1) * hidden)
            parts[f"{part}.weight"] = tensors[f"{key}.attn.qkv.weight"][rows]
            parts[f"{part}.bias"] = tensors[f"{key}.attn.qkv.bias"][rows]
        y = g.norm(x, tensors, f"{key}.norm1", 1e-6)
        q, k, v = (g.linear(y, {f"{key}.{n}": w for n, w in parts.items()}, f"{key}.{part}") for part in "qkv")
        y = g.linear(g.attention(q, k, v, heads, hidden // heads), tensors, f"{key}.attn.proj")
        x = g.add("Add", [y, x])
        y = g.gelu(g.linear(g.norm(x, tensors, f"{key}.norm2", 1e-6), tensors, f"{key}.mlp.fc1"))
        x = g.add("Add", [g.linear(y, tensors, f"{key}.mlp.fc2"), x])
    x = g.norm(x, tensors, "norm", 1e-6)
    patches = helper.make_tensor_value_info("patches", TensorProto.FLOAT, [1, GRID * GRID, 3 * PATCH * PATCH])
    g.save(path, [patches], x, [1, 1 + GRID * GRID, hidden])


def bert_tensors(rng, vocabulary):
    hidden, inner = MINILM["hidden"], MINILM["inner"]
    dense = lambda out, n: (1.2 * rng.standard_normal((out, n)) / n**0.5).astype(np.float32)
    vector = lambda n: (0.1 * rng.standard_normal(n)).astype(np.float32)
    tensors = {}
    for name, rows in (("word", vocabulary), ("position", MINILM["positions"]), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = vector((rows, hidden))
    norms = ["embeddings.LayerNorm"]
    for i in range(MINILM["layers"]):
        key = f"encoder.layer.{i}"
        norms += [f"{key}.attention.output.LayerNorm", f"{key}.output.LayerNorm"]
        shapes = {f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        shapes |= {"attention.output.dense": (hidden, hidden)}
        shapes |= {"intermediate.dense": (inner, hidden), "output.dense": (hidden, inner)}
        for name, (out, n) in shapes.items():
            tensors[f"{key}.{name}.weight"], tensors[f"{key}.{name}.bias"] = dense(out, n), vector(out)
    for norm in norms:
        tensors[f"{norm}.weight"], tensors[f"{norm}.bias"] = 1 + vector(hidden), vector(hidden)
    return tensors


def bert_graph(tensors, path):
    """ids [1, n], mask [1, n] → tokens [1, n, 384]."""
    g, heads, eps = Graph(), MINILM["heads"], 1e-12
    words = g.add("Gather", [g.constant("words", tensors["embeddings.word_embeddings.weight"]), "input_ids"])
    table = tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
    count = g.add("Gather", [g.add("Shape", ["input_ids"]), g.constant("second", np.array([1], np.int64))])
    zero, axis = g.constant("zero", np.array([0], np.int64)), g.constant("axis", np.array([0], np.int64))
    positions = g.add("Slice", [g.constant("positions", table), zero, count, axis])
    x = g.norm(g.add("Add", [words, positions]), tensors, "embeddings.LayerNorm", eps)
    axes = g.constant("mask_axes", np.array([1, 2], np.int64))
    mask = g.add("Cast", [g.add("Unsqueeze", ["attention_mask", axes])], to=TensorProto.FLOAT)
    missing = g.add("Sub", [g.constant("mask_one", np.float32(1)), mask])
    penalty = g.add("Mul", [missing, g.constant("mask_low", np.float32(-10000))])
    for i in range(MINILM["layers"]):
        key = f"encoder.layer.{i}"
        q, k, v = (g.linear(x, tensors, f"{key}.attention.self.{part}") for part in ("query", "key", "value"))
        y = g.attention(q, k, v, heads, MINILM["hidden"] // heads, penalty)
        y = g.linear(y, tensors, f"{key}.attention.output.dense")
        x = g.norm(g.add("Add", [y, x]), tensors, f"{key}.attention.output.LayerNorm", eps)
        y = g.gelu(g.linear(x, tensors, f"{key}.intermediate.dense"))
        x = g.norm(g.add("Add", [g.linear(y, tensors, f"{key}.output.dense"), x]), tensors, f"{key}.output.LayerNorm", eps)
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, [1, "n"]) for n in ("input_ids", "attention_mask")]
    g.save(path, inputs, x, [1, "n", MINILM["hidden"]])


def fuse(path, kind, heads, hidden):
    """onnxruntime's fusions for transformers: attention, GELU, layer norms with what they add."""
    from onnxruntime.transformers import optimizer

    fused = optimizer.optimize_model(str(path), model_type=kind, num_heads=heads, hidden_size=hidden, opt_level=0)
    fused.save_model_to_file(str(path))


def quantize(out, name):
    # fused operations have no types that shapes could be inferred from
    options = {"DefaultTensorType": TensorProto.FLOAT}
    source, target = out / f"{name}.onnx", out / f"{name}.int8.onnx"
    quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, extra_options=options)


def checkpoint(folder, tensors, config, tokenizer=None):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    if tokenizer:
        shutil.copy(tokenizer, folder / "tokenizer.json")


def main():
    out, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    for name, (hidden, heads) in VITS.items():
        tensors = vit_tensors(rng, hidden)
        vit_graph(tensors, hidden, heads, out / f"{name}.onnx")
        fuse(out / f"{name}.onnx", "vit", heads, hidden)
        quantize(out, name)
        checkpoint(out / name, tensors, {"num_attention_heads": heads, "layer_norm_eps": 1e-6})
    vocabulary = len(json.loads(tokenizer.read_text())["model"]["vocab"])
    tensors = bert_tensors(rng, vocabulary)
    bert_graph(tensors, out / "minilm.onnx")
    fuse(out / "minilm.onnx", "bert", MINILM["heads"], MINILM["hidden"])
    quantize(out, "minilm")
    config = {
        "vocab_size": vocabulary, "hidden_size": MINILM["hidden"], "num_hidden_layers": MINILM["layers"],
        "num_attention_heads": MINILM["heads"], "intermediate_size": MINILM["inner"], "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0, "max_position_embeddings": MINILM["positions"], "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "model_type": "bert",
    }
    checkpoint(out / "minilm", tensors, config, tokenizer)


if __name__ == "__main__":
    main()
