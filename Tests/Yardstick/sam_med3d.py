"""SAM-Med3D in PyTorch, written from a description of the original (uni-medical/SAM-Med3D, segment_anything/modeling/), with the
work that the original does: all pad tokens of a window are computed and attended to, and decomposed relative positions are added
along the original's axes.

`make FOLDER` writes random weights at the size of the released network, an input and the answers; `check FILE` compares with the answers in
a golden file; `time` times the image encoder. The state dict has the original's names."""

import argparse
import json
import struct
import time
from pathlib import Path
from typing import Dict

import torch
from torch import nn
from torch.nn import functional as F


def read(path: str) -> Dict[str, torch.Tensor]:
    """All F32 tensors of a safetensors file."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = torch.frombuffer(bytearray(data[start:end]), dtype=torch.float32).reshape(entry["shape"])
    return tensors


def write(path: str, tensors: Dict[str, torch.Tensor]) -> None:
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + 4 * tensor.numel()]}
        offset += 4 * tensor.numel()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.detach().contiguous().numpy().tobytes())


class ChannelNorm(nn.Module):
    """Over the channels of [B, C, D, H, W]."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, 1e-6).movedim(-1, 1)


class MLP(nn.Module):
    def __init__(self, channels, hidden, activation):
        super().__init__()
        self.lin1, self.lin2, self.activation = nn.Linear(channels, hidden), nn.Linear(hidden, channels), activation

    def forward(self, x):
        return self.lin2(self.activation(self.lin1(x)))


class WindowAttention(nn.Module):
    """Tokens [B, n, n, n, E]."""

    def __init__(self, channels, heads, side):
        super().__init__()
        self.heads, self.size = heads, channels // heads
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.rel_pos_d, self.rel_pos_h, self.rel_pos_w = (nn.Parameter(torch.zeros(2 * side - 1, self.size)) for _ in range(3))

    def forward(self, x):
        batch, n, *_ = x.shape
        q, k, v = self.qkv(x).reshape(batch, n ** 3, 3, self.heads, self.size).permute(2, 0, 3, 1, 4).flatten(1, 2)
        logits = (q * self.size ** -0.5) @ k.transpose(1, 2)
        distance = torch.arange(n)[:, None] - torch.arange(n)[None] + n - 1
        q = q.reshape(-1, n, n, n, self.size)
        # [.., a, b, c, l], [.., a, b, i, l] and [.., a, b, j, l]: where the original's broadcasting puts them.
        d = torch.einsum("zabcs,als->zabcl", q, self.rel_pos_d[distance])
        h = torch.einsum("zabis,bls->zabil", q, self.rel_pos_h[distance])
        w = torch.einsum("zabjs,jls->zabjl", q, self.rel_pos_w[distance])
        logits = logits.reshape(-1, n, n, n, n, n, n)
        logits = logits + d[:, :, :, :, None, None, :] + h[:, :, :, None, :, None, :] + w[:, :, :, None, None, :, :]
        y = logits.reshape(-1, n ** 3, n ** 3).softmax(-1) @ v
        y = y.reshape(batch, self.heads, n, n, n, self.size).permute(0, 2, 3, 4, 1, 5).flatten(4)
        return self.proj(y)


class Block(nn.Module):
    def __init__(self, channels, heads, side, window):
        super().__init__()
        self.window = window
        self.norm1, self.norm2 = nn.LayerNorm(channels, eps=1e-6), nn.LayerNorm(channels, eps=1e-6)
        self.attn, self.mlp = WindowAttention(channels, heads, window or side), MLP(channels, 4 * channels, nn.GELU())

    def forward(self, x):
        g, y = x.shape[1], self.norm1(x)
        if self.window:
            y = F.pad(y, (0, 0, 0, self.window - g, 0, self.window - g, 0, self.window - g))
        x = x + self.attn(y)[:, :g, :g, :g]
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self, channels, patch):
        super().__init__()
        self.proj = nn.Conv3d(1, channels, patch, patch)

    def forward(self, x):
        return self.proj(x).movedim(1, -1)


class ImageEncoder(nn.Module):
    def __init__(self, image, patch, embedding, depth, heads, globals_, window, prompt):
        super().__init__()
        g = image // patch
        self.patch_embed = PatchEmbedding(embedding, patch)
        self.pos_embed = nn.Parameter(torch.zeros(1, g, g, g, embedding))
        self.blocks = nn.ModuleList(Block(embedding, heads, g, 0 if i in globals_ else window) for i in range(depth))
        self.neck = nn.Sequential(
            nn.Conv3d(embedding, prompt, 1, bias=False), ChannelNorm(prompt), nn.Conv3d(prompt, prompt, 3, padding=1, bias=False),
            ChannelNorm(prompt))

    def forward(self, x):
        x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.neck(x.movedim(-1, 1))


class Fourier(nn.Module):
    def __init__(self, frequencies):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(3, frequencies))

    def forward(self, u):
        a = 2 * torch.pi * ((2 * u - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([a.sin(), a.cos(), a.sin()], -1)


class PromptEncoder(nn.Module):
    def __init__(self, image, grid, channels):
        super().__init__()
        self.image, self.grid = image, grid
        self.pe_layer = Fourier(channels // 3)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, channels) for _ in range(2))
        self.not_a_point_embed, self.no_mask_embed = nn.Embedding(1, channels), nn.Embedding(1, channels)
        self.mask_downscaling = nn.Sequential(
            nn.Conv3d(1, 4, 2, 2), ChannelNorm(4), nn.GELU(), nn.Conv3d(4, 16, 2, 2), ChannelNorm(16), nn.GELU(),
            nn.Conv3d(16, channels, 1))

    def points(self, voxels):
        """Positive clicks [B, N, 3] and the token that says that there is no box."""
        clicks = self.pe_layer((voxels + 0.5) / self.image) + self.point_embeddings[1].weight
        return torch.cat([clicks, self.not_a_point_embed.weight.expand(len(voxels), 1, -1)], 1)

    def places(self):
        """[1, P, g, g, g], the first two axes swapped as in the original."""
        u = (torch.arange(self.grid) + 0.5) / self.grid
        i0, i1, i2 = torch.meshgrid(u, u, u, indexing="ij")
        return self.pe_layer(torch.stack([i1, i0, i2], -1)).movedim(-1, 0)[None]


class Attention(nn.Module):
    def __init__(self, channels, inside, heads=8):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(channels, inside) for _ in range(3))
        self.out_proj = nn.Linear(inside, channels)

    def forward(self, q, k, v):
        q, k, v = (layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                   for layer, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v)))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class TwoWayLayer(nn.Module):
    def __init__(self, channels, first):
        super().__init__()
        self.first = first
        self.self_attn = Attention(channels, channels)
        self.cross_attn_token_to_image = Attention(channels, channels // 2)
        self.cross_attn_image_to_token = Attention(channels, channels // 2)
        self.mlp = MLP(channels, 2048, nn.ReLU())
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(channels) for _ in range(4))

    def forward(self, x, keys, code, places):
        x = self.norm1(self.self_attn(x, x, x) if self.first else x + self.self_attn(x + code, x + code, x))
        x = self.norm2(x + self.cross_attn_token_to_image(x + code, keys + places, keys))
        x = self.norm3(x + self.mlp(x))
        return x, self.norm4(keys + self.cross_attn_image_to_token(keys + places, x + code, x))


class TwoWay(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.ModuleList(TwoWayLayer(channels, i == 0) for i in range(2))
        self.final_attn_token_to_image, self.norm_final_attn = Attention(channels, channels // 2), nn.LayerNorm(channels)

    def forward(self, keys, places, tokens):
        x = tokens
        for layer in self.layers:
            x, keys = layer(x, keys, tokens, places)
        return self.norm_final_attn(x + self.final_attn_token_to_image(x + tokens, keys + places, keys)), keys


class Perceptron(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs)])

    def forward(self, x):
        return self.layers[2](self.layers[1](self.layers[0](x).relu()).relu())


class MaskDecoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.transformer = TwoWay(channels)
        self.iou_token, self.mask_tokens = nn.Embedding(1, channels), nn.Embedding(4, channels)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose3d(channels, channels // 4, 2, 2), ChannelNorm(channels // 4), nn.GELU(),
            nn.ConvTranspose3d(channels // 4, channels // 8, 2, 2), nn.GELU())
        self.output_hypernetworks_mlps = nn.ModuleList(Perceptron(channels, channels, channels // 8) for _ in range(4))
        self.iou_prediction_head = Perceptron(channels, 256, 4)

    def forward(self, image, places, points):
        tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight]).expand(len(image), -1, -1)
        x, keys = self.transformer(
            image.flatten(2).transpose(1, 2), places.flatten(2).transpose(1, 2), torch.cat([tokens, points], 1))
        upscaled = self.output_upscaling(keys.transpose(1, 2).reshape(image.shape))
        return torch.einsum("bc,bcdhw->bdhw", self.output_hypernetworks_mlps[0](x[:, 1]), upscaled)[:, None]


class SAMMed3D(nn.Module):
    """The released network unless told otherwise."""

    def __init__(self, image=128, patch=16, embedding=768, depth=12, heads=12, globals_=(2, 5, 8, 11), window=14, prompt=384):
        super().__init__()
        self.image_encoder = ImageEncoder(image, patch, embedding, depth, heads, globals_, window, prompt)
        self.prompt_encoder = PromptEncoder(image, image // patch, prompt)
        self.mask_decoder = MaskDecoder(prompt)

    def logits(self, embedding, mask=None, point=None):
        """At a quarter of the image's resolution; a click without a mask goes with a mask of zeros."""
        side = 4 * embedding.shape[-1]
        mask = torch.zeros(1, 1, side, side, side) if mask is None else mask
        points = torch.zeros(1, 0, embedding.shape[1]) if point is None else self.prompt_encoder.points(point)
        return self.mask_decoder(embedding + self.prompt_encoder.mask_downscaling(mask), self.prompt_encoder.places(), points)


def answers(network, inputs):
    embedding = network.image_encoder(inputs["input"])
    mask, point = inputs["mask_prompt"], inputs["point"]
    return {
        "embedding": embedding, "dense_position_code": network.prompt_encoder.places(),
        "lowres_logits.mask": network.logits(embedding, mask), "lowres_logits.point": network.logits(embedding, None, point),
        "lowres_logits.point_and_mask": network.logits(embedding, mask, point)}


def check(path):
    """The sizes are those of the tiny golden."""
    golden = read(path)
    network = SAMMed3D(64, 16, 48, 4, 3, (1, 3), 14, 48).eval()
    network.load_state_dict({name[8:]: tensor for name, tensor in golden.items() if name.startswith("weights.")})
    for name, answer in answers(network, golden).items():
        print(name, (answer - golden[name]).abs().max().item())


def randomized(seed):
    """Weights of the released size. Tables of relative positions and of places get values too, so that they count."""
    torch.manual_seed(seed)
    network = SAMMed3D().eval()
    for name, parameter in network.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            nn.init.normal_(parameter, std=0.2)
    return network


def make(folder, seed):
    network = randomized(seed)
    inputs = {
        "input": torch.randn(1, 1, 128, 128, 128), "mask_prompt": 4 * torch.randn(1, 1, 32, 32, 32),
        "point": torch.tensor([[[40.0, 70.0, 90.0]]])}
    write(f"{folder}/weights.safetensors", network.state_dict())
    write(f"{folder}/input.safetensors", inputs)
    write(f"{folder}/answers.safetensors", answers(network, inputs))


def time_encoder(threads, repeats):
    torch.set_num_threads(threads)
    encoder, x, seconds = randomized(1).image_encoder, torch.randn(1, 1, 128, 128, 128), []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        encoder(x)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": sorted(seconds[1:]), "threads": threads, "torch": torch.__version__}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("file")
    making = commands.add_parser("make")
    making.add_argument("folder")
    making.add_argument("--seed", type=int, default=1)
    timing = commands.add_parser("time")
    timing.add_argument("--threads", type=int, default=2)
    timing.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with torch.inference_mode():
        if given.command == "check":
            check(given.file)
        elif given.command == "make":
            make(given.folder, given.seed)
        else:
            time_encoder(given.threads, given.repeats)
