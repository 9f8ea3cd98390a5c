"""The network of this bundle, models/model.onnx, as a torch module: patches [B, C, D, H, W] to logits [B, K, D, H, W]."""

import onnxruntime
import torch


class ExportedNetwork(torch.nn.Module):
    """Runs the ONNX model on the fastest device that onnxruntime finds."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.session = onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = self.session.run(None, {"image": torch.as_tensor(image).cpu().numpy()})[0]
        return torch.from_numpy(logits).to(image.device)
