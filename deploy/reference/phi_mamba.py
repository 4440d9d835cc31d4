"""The student, Phi-Mamba, written plainly from its equations: one position after the other.

Slow on purpose. It shares nothing with Sparkhawk but the equations, which docs/mathematics.md lists, and the names of
the weights, which are those of goombalab/phi-mamba. Weights are a dict from name to tensor. Below, b is the batch,
l the length, w the width, h the heads, n the state size, p the head size.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Student:
    """The sizes of a student. Blocks are counted from 0; those in attention_blocks keep the teacher's attention."""

    width: int
    heads: int
    blocks: int
    attention_blocks: tuple
    state: int
    conv: int
    expand: int
    chunk: int
    vocabulary: int
    rotary: float
    theta: float
    positions: int

    def config(self):
        """config.json in the reference's form: a section for each run of like blocks."""
        config = {
            "LanguageModel": {"input": {"vocab_size": self.vocabulary, "pad_vocab_size_multiple": 1}},
            "MixerModel": {"input": {"d_model": self.width, "n_layer": self.blocks, "lm_head_prenorm": "layer"}},
        }
        kinds = [i in self.attention_blocks for i in range(self.blocks)]
        runs = []
        for attention in kinds:
            if runs and runs[-1][0] == attention:
                runs[-1][1] += 1
            else:
                runs.append([attention, 1])
        for section, (attention, count) in enumerate(runs, start=1):
            config[f"Block{section}"] = {
                "n_layers": count,
                "BlockType": "modules.phi_block",
                "block_input": {"resid_dropout": 0.0},
                "CoreType": "modules.mixers." + ("phi_attention" if attention else "discrete_mamba2"),
                "core_input": self._attention_config() if attention else self._mamba_config(),
            }
        return config

    def _mamba_config(self):
        return {
            "d_state": self.state,
            "n_v_heads": self.heads,
            "n_qk_heads": self.heads,
            "d_conv": self.conv,
            "conv_bias": True,
            "expand": self.expand,
            "chunk_size": self.chunk,
            "activation": "identity",
            "bias": False,
        }

    def _attention_config(self):
        return {
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "hidden_size": self.width,
            "partial_rotary_factor": self.rotary,
            "rope_theta": self.theta,
            "max_position_embeddings": self.positions,
            "attn_type": "eager",
        }

    @staticmethod
    def from_config(config):
        language, mixer_model = config["LanguageModel"]["input"], config["MixerModel"]["input"]
        attention_blocks, mamba, attention, block = [], {}, {}, 0
        for section in (config[f"Block{i}"] for i in range(1, mixer_model["n_layer"] + 1) if f"Block{i}" in config):
            blocks = range(block, block + section["n_layers"])
            block = blocks.stop
            if section["CoreType"].endswith("phi_attention"):
                attention_blocks.extend(blocks)
                attention = section["core_input"]
            else:
                mamba = section["core_input"]
        multiple = language["pad_vocab_size_multiple"]
        return Student(
            width=mixer_model["d_model"],
            heads=mamba.get("n_v_heads") or attention["num_attention_heads"],
            blocks=block,
            attention_blocks=tuple(attention_blocks),
            state=mamba.get("d_state", 0),
            conv=mamba.get("d_conv", 0),
            expand=mamba.get("expand", 1),
            chunk=mamba.get("chunk_size", 0),
            vocabulary=-(-language["vocab_size"] // multiple) * multiple,
            rotary=attention.get("partial_rotary_factor", 0.0),
            theta=attention.get("rope_theta", 0.0),
            positions=attention.get("max_position_embeddings", 0),
        )

    def shapes(self):
        """Name and shape of every weight."""
        w, inner, states = self.width, self.expand * self.width, self.heads * self.state
        shapes = {"backbone.embedding.weight": (self.vocabulary, w)}
        for i in range(self.blocks):
            block = f"backbone.layers.{i}."
            shapes |= {block + "input_layernorm.weight": (w,), block + "input_layernorm.bias": (w,)}
            if i in self.attention_blocks:
                for layer in ("q_proj", "k_proj", "v_proj", "dense"):
                    shapes[f"{block}mixer.self_attn.{layer}.weight"] = (w, w)
                    shapes[f"{block}mixer.self_attn.{layer}.bias"] = (w,)
            else:
                mixer = block + "mixer."
                shapes[mixer + "in_proj.weight"] = (2 * inner + 2 * states + self.heads, w)
                shapes[mixer + "conv1d.weight"] = (inner + 2 * states, 1, self.conv)
                shapes[mixer + "conv1d.bias"] = (inner + 2 * states,)
                shapes[mixer + "z_bias"] = (inner,)
                shapes[mixer + "D"] = (self.heads,)
                shapes[mixer + "out_proj.weight"] = (w, inner)
            shapes |= {block + "mlp.fc1.weight": (4 * w, w), block + "mlp.fc1.bias": (4 * w,)}
            shapes |= {block + "mlp.fc2.weight": (w, 4 * w), block + "mlp.fc2.bias": (w,)}
        shapes |= {"backbone.final_layernorm.weight": (w,), "backbone.final_layernorm.bias": (w,)}
        return shapes | {"lm_head.weight": (self.vocabulary, w), "lm_head.bias": (self.vocabulary,)}


def wide(dtype):
    """The type of decays, states, softmax and losses."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def normalise(weights, name, hidden):
    """Layer normalisation over the width: (b, l, w)."""
    return F.layer_norm(hidden, hidden.shape[-1:], weights[name + ".weight"], weights[name + ".bias"], eps=1e-5)


def mlp(weights, name, u):
    """fc2(gelu(fc1(u))) with the tanh form of GELU: (b, l, w)."""
    inner = F.gelu(F.linear(u, weights[name + ".fc1.weight"], weights[name + ".fc1.bias"]), approximate="tanh")
    return F.linear(inner, weights[name + ".fc2.weight"], weights[name + ".fc2.bias"])


def mixer(student, weights, block, u):
    """Matrix (b, h, l, l) and output (b, l, w) of a block's mixer on the normalised input u (b, l, w)."""
    name = f"backbone.layers.{block}.mixer."
    if block in student.attention_blocks:
        return attention(student, weights, name + "self_attn.", u)
    return mamba2(student, weights, name, u)


def mamba2(student, weights, name, u):
    """h_t = exp(-softplus(A_t)) h_(t-1) + B_t x_t^T, y_t = C_t h_t + D x_t, for each head."""
    batch, length, _ = u.shape
    inner, states = student.expand * student.width, student.heads * student.state
    projected = F.linear(u, weights[name + "in_proj.weight"])
    xbc, z, a = projected.split([inner + 2 * states, inner, student.heads], dim=-1)
    xbc = F.conv1d(  # causal: padded on both sides, cut at the end
        xbc.transpose(1, 2),
        weights[name + "conv1d.weight"],
        weights[name + "conv1d.bias"],
        groups=xbc.shape[-1],
        padding=student.conv - 1,
    )[..., :length].transpose(1, 2)
    x, b, c = xbc.to(wide(u.dtype)).split([inner, states, states], dim=-1)
    x = x.reshape(batch, length, student.heads, -1)  # (b, l, h, p)
    b = b.reshape(batch, length, student.heads, -1)  # (b, l, h, n)
    c = c.reshape(batch, length, student.heads, -1)
    decay = torch.exp(-F.softplus(a.to(wide(u.dtype))))  # (b, l, h)
    skip = weights[name + "D"].to(wide(u.dtype))

    state = torch.zeros(batch, student.heads, student.state, x.shape[-1], dtype=x.dtype)
    outputs, rows = [], []
    reach = torch.zeros(batch, student.heads, 0, dtype=x.dtype)  # what is left at t of each earlier position
    for t in range(length):
        state = decay[:, t, :, None, None] * state + b[:, t, :, :, None] * x[:, t, :, None, :]
        outputs.append((c[:, t, :, :, None] * state).sum(2) + skip[:, None] * x[:, t])
        reach = torch.cat([decay[:, t, :, None] * reach, reach.new_ones(batch, student.heads, 1)], -1)
        row = (c[:, t, None] * b[:, : t + 1]).sum(-1).transpose(1, 2) * reach  # (b, h, t + 1)
        row = torch.cat([row[..., :-1], row[..., -1:] + skip[:, None]], -1)
        rows.append(F.pad(row, (0, length - t - 1)))
    y = torch.stack(outputs, 1).reshape(batch, length, inner).to(u.dtype)
    gated = y * F.silu(z + weights[name + "z_bias"])
    return torch.stack(rows, 2), F.linear(gated, weights[name + "out_proj.weight"])


def attention(student, weights, name, u):
    """Causal softmax attention with rotary embedding of the first part of each head."""
    batch, length, width = u.shape

    def project(layer, v):
        return F.linear(v, weights[name + layer + ".weight"], weights[name + layer + ".bias"])

    def heads(v):
        return v.reshape(batch, length, student.heads, -1).transpose(1, 2)  # (b, h, l, p)

    q, k, v = (heads(project(layer, u)) for layer in ("q_proj", "k_proj", "v_proj"))
    q, k = rotated(student, q), rotated(student, k)
    scores = (q @ k.transpose(2, 3)) * q.shape[-1] ** -0.5
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    matrix = torch.softmax(scores.to(wide(u.dtype)).masked_fill(later, -torch.inf), -1).to(u.dtype)
    return matrix, project("dense", (matrix @ v).transpose(1, 2).reshape(batch, length, width))


def rotated(student, x):
    """The first entries of each head turned by position times frequency; angles in float32, as transformers has them."""
    dimensions = int(x.shape[-1] * student.rotary)
    exponents = torch.arange(0, dimensions, 2, dtype=torch.float32) / dimensions
    angles = torch.arange(x.shape[2], dtype=torch.float32)[:, None] * (1.0 / student.theta**exponents)
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)  # (l, dimensions / 2)
    first, second, rest = x.split([dimensions // 2, dimensions // 2, x.shape[-1] - dimensions], -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine, rest], -1)


def block(student, weights, i, hidden):
    """Output of block i: hidden + mixer(u) + mlp(u), u the normalised input."""
    u = normalise(weights, f"backbone.layers.{i}.input_layernorm", hidden)
    _, mixed = mixer(student, weights, i, u)
    return mixed + mlp(weights, f"backbone.layers.{i}.mlp", u) + hidden


def run(student, weights, ids):
    """The hidden states before each block and after the last, and the logits."""
    hidden = [F.embedding(ids, weights["backbone.embedding.weight"])]
    for i in range(student.blocks):
        hidden.append(block(student, weights, i, hidden[-1]))
    final = normalise(weights, "backbone.final_layernorm", hidden[-1])
    return hidden, F.linear(final, weights["lm_head.weight"], weights["lm_head.bias"])
