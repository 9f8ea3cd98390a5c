"""SAM on a plane with LoRA and a decoder for classes in PyTorch, written from a description of the originals (facebookresearch/segment-anything,
segment_anything/modeling/; hitachinsk/SAMed, sam_lora_image_encoder.py), with the work that the originals do: windows are padded before the projection,
and decomposed relative positions are added to logits that exist as a whole.

`make FOLDER` writes random weights of ViT-B, LoRA, an input and the answers; `check FILE` compares with a golden file; `time` times the image encoder,
and with --step forward and backward pass of fine-tuning. The state dict has the originals' names."""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

from sam_med3d import ChannelNorm, MLP, Perceptron, TwoWay, read, write


class Adapted(nn.Module):
    """The projection to q, k and v with LoRA on q and v."""

    def __init__(self, channels, rank):
        super().__init__()
        self.base = nn.Linear(channels, 3 * channels)
        self.a = nn.ModuleList(nn.Linear(channels, rank, bias=False) for _ in range(2))
        self.b = nn.ModuleList(nn.Linear(rank, channels, bias=False) for _ in range(2))

    def forward(self, x):
        y, e = self.base(x), x.shape[-1]
        y[..., :e] += self.b[0](self.a[0](x))
        y[..., -e:] += self.b[1](self.a[1](x))
        return y


class PlaneAttention(nn.Module):
    """Tokens [B, n, n, E]."""

    def __init__(self, channels, heads, side, rank):
        super().__init__()
        self.heads, self.size = heads, channels // heads
        self.qkv = Adapted(channels, rank) if rank else nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.rel_pos_h, self.rel_pos_w = (nn.Parameter(torch.zeros(2 * side - 1, self.size)) for _ in range(2))

    def forward(self, x):
        batch, n, _, channels = x.shape
        q, k, v = self.qkv(x).reshape(batch, n * n, 3, self.heads, self.size).permute(2, 0, 3, 1, 4).flatten(1, 2)
        logits = (q * self.size ** -0.5) @ k.transpose(-2, -1)
        distance = torch.arange(n)[:, None] - torch.arange(n)[None] + n - 1
        planes = q.reshape(-1, n, n, self.size)
        rows = torch.einsum("zhwc,hkc->zhwk", planes, self.rel_pos_h[distance])
        columns = torch.einsum("zhwc,wkc->zhwk", planes, self.rel_pos_w[distance])
        logits = logits.view(-1, n, n, n, n) + rows[:, :, :, :, None] + columns[:, :, :, None, :]
        y = logits.view(-1, n * n, n * n).softmax(-1) @ v
        return self.proj(y.view(batch, self.heads, n, n, self.size).permute(0, 2, 3, 1, 4).reshape(batch, n, n, channels))


class Block(nn.Module):
    def __init__(self, channels, heads, side, window, rank):
        super().__init__()
        self.window = window
        self.norm1, self.norm2 = nn.LayerNorm(channels, eps=1e-6), nn.LayerNorm(channels, eps=1e-6)
        self.attn = PlaneAttention(channels, heads, window or side, rank)
        self.mlp = MLP(channels, 4 * channels, nn.GELU())

    def forward(self, x):
        x = x + self.attended(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def attended(self, y):
        if not self.window:
            return self.attn(y)
        (batch, g, _, e), w = y.shape, self.window
        side = -(-g // w) * w
        y = F.pad(y, (0, 0, 0, side - g, 0, side - g)).view(batch, side // w, w, side // w, w, e)
        y = self.attn(y.transpose(2, 3).reshape(-1, w, w, e)).view(batch, side // w, side // w, w, w, e)
        return y.transpose(2, 3).reshape(batch, side, side, e)[:, :g, :g]


class PatchEmbedding(nn.Module):
    def __init__(self, channels, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, channels, patch, patch)

    def forward(self, x):
        return self.proj(x).movedim(1, -1)


class ImageEncoder(nn.Module):
    def __init__(self, canvas, patch, embedding, depth, heads, globals_, window, prompt, rank):
        super().__init__()
        g = canvas // patch
        self.patch_embed = PatchEmbedding(embedding, patch)
        self.pos_embed = nn.Parameter(torch.zeros(1, g, g, embedding))
        self.blocks = nn.ModuleList(Block(embedding, heads, g, 0 if i in globals_ else window, rank) for i in range(depth))
        self.neck = nn.Sequential(
            nn.Conv2d(embedding, prompt, 1, bias=False), ChannelNorm(prompt), nn.Conv2d(prompt, prompt, 3, padding=1, bias=False),
            ChannelNorm(prompt))

    def forward(self, x):
        x = self.patch_embed(x.expand(-1, 3, -1, -1)) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.movedim(-1, 1))


class Fourier(nn.Module):
    def __init__(self, frequencies):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, frequencies))

    def places(self, grid):
        """[1, P, g, g]; x comes first."""
        u = (torch.arange(grid) + 0.5) / grid
        rows, columns = torch.meshgrid(u, u, indexing="ij")
        a = 2 * torch.pi * ((2 * torch.stack([columns, rows], -1) - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([a.sin(), a.cos()], -1).movedim(-1, 0)[None]


class PromptEncoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pe_layer = Fourier(channels // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, channels) for _ in range(4))
        self.not_a_point_embed, self.no_mask_embed = nn.Embedding(1, channels), nn.Embedding(1, channels)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2), ChannelNorm(4), nn.GELU(), nn.Conv2d(4, 16, 2, 2), ChannelNorm(16), nn.GELU(),
            nn.Conv2d(16, channels, 1))


class MaskDecoder(nn.Module):
    def __init__(self, channels, masks):
        super().__init__()
        self.transformer = TwoWay(channels)
        self.iou_token, self.mask_tokens = nn.Embedding(1, channels), nn.Embedding(masks, channels)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(channels, channels // 4, 2, 2), ChannelNorm(channels // 4), nn.GELU(),
            nn.ConvTranspose2d(channels // 4, channels // 8, 2, 2), nn.GELU())
        self.output_hypernetworks_mlps = nn.ModuleList(Perceptron(channels, channels, channels // 8) for _ in range(masks))
        self.iou_prediction_head = Perceptron(channels, 256, masks)

    def forward(self, image, places):
        tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight]).expand(len(image), -1, -1)
        x, keys = self.transformer(image.flatten(2).transpose(1, 2), places.flatten(2).transpose(1, 2), tokens)
        upscaled = self.output_upscaling(keys.transpose(1, 2).reshape(image.shape))
        vectors = torch.stack([mlp(x[:, 1 + t]) for t, mlp in enumerate(self.output_hypernetworks_mlps)], 1)
        return torch.einsum("btc,bchw->bthw", vectors, upscaled)


class SAM(nn.Module):
    """ViT-B unless told otherwise; a rank above 0 adds LoRA."""

    def __init__(self, canvas=1024, patch=16, embedding=768, depth=12, heads=12, globals_=(2, 5, 8, 11), window=14, prompt=256, masks=2, rank=4):
        super().__init__()
        self.image_encoder = ImageEncoder(canvas, patch, embedding, depth, heads, globals_, window, prompt, rank)
        self.prompt_encoder = PromptEncoder(prompt)
        self.mask_decoder = MaskDecoder(prompt, masks)

    def logits(self, embedding):
        dense = self.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return self.mask_decoder(embedding + dense, self.prompt_encoder.pe_layer.places(embedding.shape[-1]))

    def freeze(self):
        """Leaves LoRA, the vector for no mask and the decoder to be trained."""
        for name, parameter in self.named_parameters():
            trains = ".qkv.a." in name or ".qkv.b." in name or "no_mask_embed" in name or name.startswith("mask_decoder")
            parameter.requires_grad_(trains)


def state(network):
    """The weights under SAM's names, and LoRA under SAMed's."""
    weights, adapters = {}, {}
    for name, tensor in network.state_dict().items():
        if ".qkv.a." in name or ".qkv.b." in name:
            parts = name.split(".")
            adapters[f"w_{parts[5]}_{2 * int(parts[2]) + int(parts[6]):03d}"] = tensor
        else:
            weights[name.replace(".qkv.base.", ".qkv.")] = tensor
    return weights, adapters


def load(network, weights, adapters):
    own = {}
    for name in network.state_dict():
        parts = name.split(".")
        if ".qkv.a." in name or ".qkv.b." in name:
            own[name] = adapters[f"w_{parts[5]}_{2 * int(parts[2]) + int(parts[6]):03d}"]
        else:
            own[name] = weights[name.replace(".qkv.base.", ".qkv.")]
    network.load_state_dict(own)


def randomized(seed, **sizes):
    """Tables of positions and the second matrices of LoRA get values too, so that they count."""
    torch.manual_seed(seed)
    network = SAM(**sizes).eval()
    for name, parameter in network.named_parameters():
        if "rel_pos" in name or "pos_embed" in name or ".qkv.b." in name:
            nn.init.normal_(parameter, std=0.05)
    return network


def answers(network, image):
    embedding = network.image_encoder(image)
    return {"embedding": embedding, "lowres_logits": network.logits(embedding)}


def check(path):
    """The sizes are those of the tiny golden."""
    golden = read(path)
    network = SAM(256, 16, 48, 4, 3, (1, 3), 14, 32, 3, 4).eval()

    def part(prefix):
        return {name[len(prefix):]: tensor for name, tensor in golden.items() if name.startswith(prefix)}

    load(network, part("weights."), part("lora."))
    for name, answer in answers(network, golden["input"]).items():
        print(name, (answer - golden[name]).abs().max().item())


def make(folder, seed):
    network, image = randomized(seed), torch.randn(1, 1, 1024, 1024)
    weights, adapters = state(network)
    trained = {name: tensor for name, tensor in weights.items() if name.startswith(("mask_decoder.", "prompt_encoder."))}
    write(f"{folder}/weights.safetensors", weights)
    write(f"{folder}/adapters.safetensors", {**adapters, **trained})
    write(f"{folder}/input.safetensors", {"input": image})
    write(f"{folder}/answers.safetensors", answers(network, image))


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def loss(logits, labels):
    """Half Dice and half cross entropy at the canvas's resolution."""
    logits = F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
    p, one_hot = logits.softmax(1), F.one_hot(labels, logits.shape[1]).movedim(-1, 1).float()
    dice = 1 - (2 * (p * one_hot).sum((0, 2, 3)) + 1e-10) / ((p * p).sum((0, 2, 3)) + one_hot.sum((0, 2, 3)) + 1e-10)
    return 0.5 * dice.mean() + 0.5 * F.cross_entropy(logits, labels)


def timed(threads, repeats, step):
    torch.set_num_threads(threads)
    network, image, seconds = randomized(1, rank=4 if step else 0), torch.randn(1, 1, 1024, 1024), []
    labels = torch.randint(0, 2, (1, 1024, 1024))
    network.freeze()
    for _ in range(repeats + 1):
        start = time.perf_counter()
        if step:
            loss(network.logits(network.image_encoder(image)), labels).backward()
            network.zero_grad()
        else:
            with torch.inference_mode():
                network.image_encoder(image)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "what": "step" if step else "embedding", "seconds": sorted(seconds[1:]), "peakBytes": peak_bytes(), "threads": threads,
        "torch": torch.__version__}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("file")
    making = commands.add_parser("make")
    making.add_argument("folder")
    making.add_argument("--seed", type=int, default=1)
    timing = commands.add_parser("time")
    timing.add_argument("--threads", type=int, default=2)
    timing.add_argument("--repeats", type=int, default=2)
    timing.add_argument("--step", action="store_true")
    given = parser.parse_args()
    if given.command == "time":
        timed(given.threads, given.repeats, given.step)
    else:
        with torch.inference_mode():
            check(given.file) if given.command == "check" else make(given.folder, given.seed)
