// A trained network as a bundle of MONAI (docs.monai.io, "MONAI Bundle"): MONAI's transforms load, turn, crop and invert; what Cohort does in another way is
// in scripts; the network is the ONNX model.

import Files
import Foundation
import Preparation
import Training
import Volumes

/// The files of a bundle.
struct MONAIBundle {
  /// Of the programs that the bundle was tried with.
  private static let monai = "1.6.1", torch = "2.15.0", numpy = "2.4.6"
  private static let others = ["onnxruntime": "1.32.0", "pytorch-ignite": "0.5.5", "nibabel": "5.4.2", "scipy": "1.17.1"]

  private let files: [(path: String, bytes: [UInt8])]

  /// Error: a network that ONNX does not hold.
  init(_ model: TrainedModel, _ facts: ModelFacts) throws {
    files = [
      ("configs/metadata.json", try Self.json(Self.metadata(model, facts))),
      ("configs/inference.json", try Self.json(Self.inference(model, facts))),
      ("docs/README.md", Array(Self.page(model, facts).utf8)), ("LICENSE", Array((facts.licence + "\n").utf8)),
      ("scripts/__init__.py", Array("from . import network, volumes\n".utf8)),
      ("scripts/network.py", PackageResources.network_py),
      ("scripts/volumes.py", PackageResources.volumes_py),
      ("models/model.onnx", try ONNXModel(model, texts: facts.texts, path: "models/model.onnx").bytes),
    ]
  }

  /// Makes the folder whole, or nothing. Error: a folder of that name.
  func write(to folder: String) throws {
    try makeNewFolder(folder) { unfinished in
      for (path, bytes) in files {
        try makeFolder(parentFolder(of: "\(unfinished)/\(path)"))
        try writeDurably(bytes, to: "\(unfinished)/\(path)")
      }
    }
  }

  // MARK: The files

  private static func json(_ value: [String: Any]) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: value, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])) + [
      10
    ]
  }

  /// The workflow that every bundle has, with the values of this model.
  private static func inference(_ model: TrainedModel, _ facts: ModelFacts) throws -> [String: Any] {
    let description = model.description
    var workflow = try object(PackageResources.inference_json)
    workflow["orientation"] = orientation(facts.settings)
    var spacing: [Any] = sides(facts.settings.spacing)
    if facts.settings.planned?.keepsSliceSpacing == true { spacing[0] = NSNull() }
    workflow["spacing"] = spacing
    workflow["patch"] = sides(description.patch)
    workflow["channels"] = description.channelNames.count
    workflow["rules"] = try JSONSerialization.jsonObject(with: JSONEncoder().encode(facts.channels))
    workflow["padding"] = description.placement == .nnunet ? "zeros" : "smallest"
    workflow["regions"] = description.regions.map { $0.map { $0[0] } } as Any? ?? NSNull()
    return workflow
  }

  /// The transform that turns a volume: its axes run to superior, anterior and right, in this order or in that of a plan.
  private static func orientation(_ settings: PreparationSettings) -> [String: Any] {
    let order = settings.planned?.axes ?? AxisOrder(start: .canonical)
    switch order.start {
    case .file: return ["_target_": "scripts.volumes.FileOrderd", "keys": "image", "transpose": order.transpose]
    case .canonical:
      let codes = order.transpose.map { ["S", "A", "R"][$0] }.joined()
      return ["_target_": "Orientationd", "keys": "image", "axcodes": codes, "labels": NSNull()]
    }
  }

  private static func metadata(_ model: TrainedModel, _ facts: ModelFacts) -> [String: Any] {
    let description = model.description, outputs = description.plan.classes, patch = sides(description.patch)
    func data(_ channels: Int, _ format: String, _ names: [String]) -> [String: Any] {
      [
        "type": "image", "format": format, "num_channels": channels, "spatial_shape": patch, "dtype": "float32",
        "value_range": [],
        "is_patch_data": true,
        "channel_def": Dictionary(uniqueKeysWithValues: names.enumerated().map { ("\($0)", $1) }),
      ]
    }
    let scored = description.regions == nil ? description.classNames : Array(description.labels.structureNames.dropFirst())
    return [
      "version": "0.1.0", "changelog": ["0.1.0": "exported by Cohort"], "task": "segmentation", "description": title(description),
      "monai_version": monai, "pytorch_version": torch, "numpy_version": numpy, "required_packages_version": others,
      "authors": "not stated", "copyright": facts.licence,
      "network_data_format": [
        "inputs": ["image": data(description.channelNames.count, "magnitude", description.channelNames)],
        "outputs": ["pred": data(outputs, "logits", scored)],
      ], "cohort": facts.texts,
    ]
  }

  private static func title(_ description: ModelDescription) -> String {
    "\(description.network), trained by the method \(description.method), segments "
      + "\(description.classNames.dropFirst().joined(separator: ", ")) in \(description.channelNames.joined(separator: ", "))"
  }

  private static func object(_ bytes: [UInt8]) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(bytes)) as! [String: Any]
  }

  private static func page(_ model: TrainedModel, _ facts: ModelFacts) -> String {
    """
    # \(title(model.description))

    In this folder, with MONAI, pytorch-ignite, nibabel, scipy and onnxruntime:

        python -m monai.bundle run --config_file configs/inference.json --dataset_dir IMAGES --output_dir LABELS

    IMAGES holds NIfTI files, with several channels NAME_0000.nii.gz, NAME_0001.nii.gz and so on (\(model.description.channelNames.joined(separator: ", "))).
    LABELS gets a label map on the grid of each image: \(classes(model.description)).

    Volumes are turned to the axes superior, anterior, right (or those of the plan), cut to what is not zero, normalised, resampled to
    \(model.description.spacing), and seen through windows of \(model.description.patch) voxels that overlap by half. Label maps are those of
    `cohort predict`, except for single voxels by rounding.

    `configs/metadata.json` tells under `cohort` what the network was trained on and how. Licence: \(facts.licence)

    """
  }

  private static func classes(_ description: ModelDescription) -> String {
    description.classNames.enumerated().map { "\($0) \($1)" }.joined(separator: ", ")
  }
}
