#!/usr/bin/env python3
"""Makes a case of parity vectors for "sparkhawk verify", with PyTorch and transformers, in float64 on the CPU.

The teacher is transformers' PhiForCausalLM with eager attention, the student phi_mamba.py beside this file, gradients
are PyTorch's autograd and updates its AdamW. Weights and tokens are random: any sizes will do that a Phi model has.

  make_case.py cases/small
  make_case.py cases/hybrid --width 48 --heads 3 --blocks 4 --attention-blocks 0,3 --length 45 --chunk 16
  make_case.py cases/hybrid --check       what this program computes, against what the case expects
  make_case.py cases/hybrid --bfloat16    how far PyTorch itself is from the case when it computes in bfloat16

Needs Python 3.9, torch, transformers 5 and safetensors.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from phi_mamba import Student, block, mixer, mlp, normalise, run, wide
from safetensors.torch import load_file, save_file
from transformers import PhiConfig, PhiForCausalLM

# Expected tensors are stored in float32; the rest is room for sums in another order.
AGREES = 1e-6


def main():
    options = arguments()
    if options.check or options.bfloat16:
        sys.exit(0 if compare(options) else 1)
    make(options)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("case", type=Path, help="folder to write, or to read with --check and --bfloat16")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="recompute the case in float64; exit 1 if it differs")
    mode.add_argument("--bfloat16", action="store_true", help="recompute it in bfloat16 and print the differences")
    sizes = parser.add_argument_group("models")
    sizes.add_argument("--width", type=int, default=32)
    sizes.add_argument("--heads", type=int, default=2)
    sizes.add_argument("--blocks", type=int, default=2)
    sizes.add_argument("--attention-blocks", default="", help="blocks that keep attention, such as 0,3")
    sizes.add_argument("--state", type=int, default=8, help="state size of a head")
    sizes.add_argument("--conv", type=int, default=4, help="taps of the convolution")
    sizes.add_argument("--expand", type=int, default=1, help="inner width of a mixer over the width")
    sizes.add_argument("--chunk", type=int, default=8, help="chunk size in the student's config.json; changes no result")
    sizes.add_argument("--vocabulary", type=int, default=40)
    sizes.add_argument("--mlp", type=int, help="MLP width of the teacher; default 4 x width, as the student's is")
    sizes.add_argument("--tied", action="store_true", help="the teacher's head is its embedding")
    sizes.add_argument("--rotary", type=float, default=0.5, help="part of each head that is rotated")
    sizes.add_argument("--theta", type=float, default=10000.0)
    sizes.add_argument("--positions", type=int, default=2048, help="max_position_embeddings in the config.json files")
    files = parser.add_argument_group("files")
    files.add_argument("--dtype", choices=["float16", "bfloat16", "float32"], default="float32", help="stored weights")
    files.add_argument(
        "--rotary-form",
        choices=["nested", "top"],
        default="nested",
        help="rotary settings of the teacher in rope_parameters, or at top level as older files have them",
    )
    batch = parser.add_argument_group("tokens and updates")
    batch.add_argument("--batch", type=int, default=2)
    batch.add_argument("--length", type=int, default=21)
    batch.add_argument("--seed", type=int, default=0)
    batch.add_argument("--steps", type=int, default=5, help="updates of the trajectory; a fifth warms up, a fifth decays")
    batch.add_argument("--learning-rate", type=float, default=1e-3)
    batch.add_argument("--betas", type=float, nargs=2, default=[0.9, 0.95])
    batch.add_argument("--eps", type=float, default=1e-8)
    batch.add_argument("--weight-decay", type=float, default=0.1)
    batch.add_argument("--clip-norm", type=float, default=1.0, help="largest norm of the gradient, 0 for any")
    return parser.parse_args()


# Making a case


def make(options):
    """Writes teacher/, student/ and what they compute."""
    torch.manual_seed(options.seed)
    dtype = getattr(torch, options.dtype)
    teacher = cast(make_teacher(options), dtype)
    student = Student(
        width=options.width,
        heads=options.heads,
        blocks=options.blocks,
        attention_blocks=tuple(sorted(int(i) for i in options.attention_blocks.split(",") if i)),
        state=options.state,
        conv=options.conv,
        expand=options.expand,
        chunk=options.chunk,
        vocabulary=options.vocabulary,
        rotary=options.rotary,
        theta=options.theta,
        positions=options.positions,
    )
    weights = {name: value.to(dtype) for name, value in make_weights(student, teacher).items()}
    ids = [
        torch.randint(options.vocabulary, (options.batch, options.length), dtype=torch.int32)
        for _ in range(options.steps + 1)
    ]
    write_models(options, teacher, student, weights)

    teacher = cast(teacher, torch.float64)
    weights = {name: value.to(torch.float64) for name, value in weights.items()}
    tensors, numbers = compute(teacher, student, weights, ids[0])
    steps = [
        {"ids": ids[k + 1], "lr": options.learning_rate * min(1, (k + 1) / ramp, (options.steps - k) / ramp)}
        for ramp in [max(1, options.steps // 5)]
        for k in range(options.steps)
    ]
    optimizer = {name: getattr(options, name) for name in ("betas", "eps", "weight_decay", "clip_norm")}
    final, numbers["trajectory"] = trajectory(teacher, student, weights, steps, optimizer)
    numbers["optimizer"] = optimizer

    inputs = {"input_ids": ids[0]} | {f"trajectory.ids.{k}": step["ids"] for k, step in enumerate(steps)}
    outputs = {name: value.detach().to(torch.float32).contiguous() for name, value in (tensors | final).items()}
    save_file(inputs | outputs, options.case / "expected.safetensors")
    (options.case / "expected.json").write_text(json.dumps(numbers, indent=1) + "\n")


def make_teacher(options):
    """Random weights, queries and keys large enough that attention is far from uniform."""
    config = PhiConfig(
        hidden_size=options.width,
        num_attention_heads=options.heads,
        num_hidden_layers=options.blocks,
        intermediate_size=options.mlp or 4 * options.width,
        vocab_size=options.vocabulary,
        max_position_embeddings=options.positions,
        tie_word_embeddings=options.tied,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": options.theta,
            "partial_rotary_factor": options.rotary,
        },
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
    )
    teacher = PhiForCausalLM(config).eval().requires_grad_(False)
    for name, weight in teacher.named_parameters():
        if "layernorm.weight" in name:
            weight.normal_(1, 0.1)
        elif weight.dim() == 1:
            weight.normal_(0, 0.2)
        elif "embed_tokens" in name:
            weight.normal_()
        else:
            sharp = 2 if "q_proj" in name or "k_proj" in name else 1
            weight.normal_(0, sharp * weight.shape[1] ** -0.5)
    return teacher


def cast(teacher, dtype):
    """Changes the weights' type and leaves the frequencies of the rotary embedding in float32."""
    for weight in teacher.parameters():
        weight.data = weight.data.to(dtype)
    teacher.config.dtype = dtype
    return teacher


def make_weights(student, teacher):
    """The student's weights: the teacher's with some noise where it has them, attention exactly; random mixers."""
    known = teacher.state_dict()
    weights = {}
    for name, shape in student.shapes().items():
        origin = name.replace("backbone.embedding", "model.embed_tokens").replace("backbone.", "model.")
        origin = origin.replace("mixer.self_attn", "self_attn")
        noise = torch.randn(shape)
        if origin in known and known[origin].shape == noise.shape:
            scale = 0 if "self_attn" in origin else 0.1 * known[origin].std()
            weights[name] = known[origin] + scale * noise
        elif name.endswith("conv1d.weight"):
            weights[name] = 0.3 * noise
            weights[name][:, :, -1] += 1
        elif name.endswith("z_bias") or name.endswith(".D"):
            weights[name] = 1 + 0.3 * noise
        elif noise.dim() == 1:
            weights[name] = 0.2 * noise
        else:
            weights[name] = noise * shape[1] ** -0.5
    return weights


def write_models(options, teacher, student, weights):
    teacher.save_pretrained(options.case / "teacher")
    if options.rotary_form == "top":
        file = options.case / "teacher" / "config.json"
        config = json.loads(file.read_text())
        rotary = config.pop("rope_parameters")
        config |= {key: rotary[key] for key in ("rope_theta", "partial_rotary_factor")}
        file.write_text(json.dumps(config, indent=2) + "\n")
    folder = options.case / "student"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(student.config(), indent=1) + "\n")
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / "model.safetensors")


# What models compute


def compute(teacher, student, weights, ids):
    """Tensors and losses of a case, named as in expected.safetensors and expected.json, but for the trajectory."""
    seen = watch(teacher, ids)
    tensors = {f"teacher.{name}": value for name, value in seen.items()}
    weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
    hidden, logits = run(student, weights, ids)
    tensors |= {f"student.hidden.{i}": value for i, value in enumerate(hidden)}
    tensors["student.logits"] = logits

    numbers = {"stage1": [], "stage2_mixer": [], "stage2_block": []}
    for i in range(student.blocks):
        u = normalise(weights, f"backbone.layers.{i}.input_layernorm", seen[f"hidden.{i}"])
        matrix, output = mixer(student, weights, i, u)
        tensors |= {f"student.matrix.{i}": matrix, f"student.mixer_out.{i}": output}
        trained = i not in student.attention_blocks
        numbers["stage1"].append(norm(matrix, seen[f"attention.{i}"], (2, 3)) if trained else None)
        numbers["stage2_mixer"].append(norm(output, seen[f"mixer_out.{i}"], 2) if trained else None)
        whole = block(student, weights, i, seen[f"hidden.{i}"])
        numbers["stage2_block"].append(norm(whole, seen[f"hidden.{i + 1}"], 2) if trained else None)
    numbers["stage3"] = cross_entropy(logits, seen["logits"])

    for stage, losses in numbers.items():
        losses = losses if isinstance(losses, list) else [losses]
        for name, gradient in gradients(losses, weights).items():
            tensors[f"{stage}.grad.{name}"] = gradient
        values = [None if loss is None else loss.item() for loss in losses]
        numbers[stage] = values if stage != "stage3" else values[0]
    return tensors, numbers


def watch(teacher, ids):
    """Input, attention map and mixer output of each block of the teacher, the last block's output, and the logits."""
    seen, hooks = {}, []
    for i, layer in enumerate(teacher.model.layers):

        def on_block(_, arguments, output, i=i):
            seen[f"hidden.{i}"] = arguments[0]
            seen[f"hidden.{i + 1}"] = output[0] if isinstance(output, tuple) else output

        def on_attention(_, arguments, output, i=i):
            seen[f"mixer_out.{i}"], seen[f"attention.{i}"] = output[:2]

        hooks += [layer.register_forward_hook(on_block), layer.self_attn.register_forward_hook(on_attention)]
    with torch.no_grad():
        seen["logits"] = teacher(ids.long(), use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return seen


def norm(ours, target, dimensions):
    """Mean of the Euclidean norms, over the given dimensions, of the difference."""
    difference = (ours.to(target.dtype) - target).to(wide(target.dtype))
    return torch.linalg.vector_norm(difference, dim=dimensions).mean()


def cross_entropy(logits, target):
    """Mean over batch and positions of -sum p log q, p of the teacher and q of the student."""
    p = torch.softmax(target.to(wide(target.dtype)), -1)
    return -(p * torch.log_softmax(logits.to(p.dtype), -1)).sum(-1).mean()


def gradients(losses, weights):
    """Gradients of the sum of the losses in the weights that they depend on."""
    losses = [loss for loss in losses if loss is not None]
    if not losses:
        return {}
    found = torch.autograd.grad(sum(losses), list(weights.values()), retain_graph=True, allow_unused=True)
    return {name: gradient for name, gradient in zip(weights, found) if gradient is not None}


def trajectory(teacher, student, weights, steps, optimizer):
    """Stage-3 updates of all weights: the final ones, and loss and gradient norm of each step before its update."""
    weights = {name: value.detach().clone().requires_grad_() for name, value in weights.items()}
    adam = torch.optim.AdamW(
        weights.values(),
        betas=tuple(optimizer["betas"]),
        eps=optimizer["eps"],
        weight_decay=optimizer["weight_decay"],
    )
    log = []
    for step in steps:
        adam.zero_grad()
        loss = cross_entropy(run(student, weights, step["ids"])[1], watch(teacher, step["ids"])["logits"])
        loss.backward()
        total = torch.nn.utils.clip_grad_norm_(weights.values(), optimizer["clip_norm"] or torch.inf)
        for group in adam.param_groups:
            group["lr"] = step["lr"]
        adam.step()
        log.append({"loss": loss.item(), "grad_norm": total.item(), "lr": step["lr"]})
    return {f"trajectory.final.{name}": value for name, value in weights.items()}, log


# Comparing


def compare(options):
    """Prints how far this program, in float64 or bfloat16, is from the case; whether it agrees."""
    dtype = torch.bfloat16 if options.bfloat16 else torch.float64
    expected = load_file(options.case / "expected.safetensors")
    numbers = json.loads((options.case / "expected.json").read_text())
    teacher = PhiForCausalLM.from_pretrained(options.case / "teacher", attn_implementation="eager").eval()
    teacher = cast(teacher, dtype)
    student = Student.from_config(json.loads((options.case / "student" / "config.json").read_text()))
    weights = {n: v.to(dtype) for n, v in load_file(options.case / "student" / "model.safetensors").items()}

    tensors, losses = compute(teacher, student, weights, expected["input_ids"])
    pairs = {name: (value, expected[name]) for name, value in tensors.items() if name in expected}
    pairs |= loss_pairs(losses, numbers)
    if dtype == torch.float64 and "trajectory" in numbers:
        steps = [s | {"ids": expected[f"trajectory.ids.{k}"]} for k, s in enumerate(numbers["trajectory"])]
        default = {"betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "clip_norm": 1.0}
        final, log = trajectory(teacher, student, weights, steps, default | numbers.get("optimizer", {}))
        pairs |= {n: (determined(student, n, v), determined(student, n, expected[n])) for n, v in final.items()}
        for k, (ours, theirs) in enumerate(zip(log, numbers["trajectory"])):
            pairs |= {f"trajectory.{k}.{key}": (ours[key], theirs[key]) for key in ("loss", "grad_norm")}

    errors = {name: relative(*pair) for name, pair in pairs.items()}
    for name, error in errors.items():
        print(f"{name:60} {error:9.1e}")
    left_out = [name for name in expected if name not in pairs and "ids" not in name]
    worst = max(errors, key=errors.get)
    print(f"{len(errors)} quantities, the furthest is {worst} with {errors[worst]:.1e}; left out: {left_out or 'none'}")
    return options.bfloat16 or (errors[worst] <= AGREES and not left_out)


def determined(student, name, weight):
    """
    A weight without the elements that may end anywhere. Where a head is not rotated, a key bias adds the same to all
    scores of a query, which softmax ignores: its gradient is rounding error, which AdamW scales to full steps.
    """
    if not name.endswith("k_proj.bias"):
        return weight
    heads = weight.reshape(student.heads, -1)
    return heads[:, : int(heads.shape[1] * student.rotary)]


def loss_pairs(ours, expected):
    """Losses of both sides by name, without those that one side leaves out."""
    pairs = {}
    for stage, values in ours.items():
        if isinstance(values, list):
            both = zip(values, expected[stage])
            pairs |= {f"{stage}.{i}": (a, b) for i, (a, b) in enumerate(both) if a is not None and b is not None}
        else:
            pairs[stage] = (values, expected[stage])
    return pairs


def relative(ours, theirs):
    """||ours - theirs|| / ||theirs||."""
    ours, theirs = (torch.as_tensor(value, dtype=torch.float64).detach() for value in (ours, theirs))
    size = torch.linalg.vector_norm(theirs)
    return (torch.linalg.vector_norm(ours - theirs) / (size if size > 0 else 1)).item()


if __name__ == "__main__":
    main()
