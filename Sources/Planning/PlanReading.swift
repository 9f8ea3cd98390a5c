// Reading plans of nnU-Net 2, both generations: since 2.3 a configuration describes its network under `architecture`, before by keys of its own such as
// `UNet_class_name` (MIC-DKFZ/nnUNet, nnunetv2/utilities/plans_handling/plans_handler.py, v2.2 and v2.8.1).

import Foundation
import Preparation

extension Plan {
  /// Reads plans.json. Errors: no such file, no plan of nnU-Net 2, a key that is missing, unknown or of an impossible value.
  public init(file path: String) throws(PreparationError) {
    let isPickle = path.hasSuffix(".pkl")
    guard !isPickle else { throw Self.firstGeneration(path) }
    let table = try PlanTable(file: path)
    guard !table.has("plans_per_stage") else { throw Self.firstGeneration(path) }
    (datasetName, plansName) = (try table.text("dataset_name"), try table.text("plans_name"))
    medianSpacing = try table.numbers("original_median_spacing_after_transp")
    medianShape = try table.integers("original_median_shape_after_transp")
    reader = try table.text("image_reader_writer")
    transposeForward = try table.integers("transpose_forward")
    transposeBackward = try table.integers("transpose_backward")
    (planner, labelManager) = (try table.text("experiment_planner_used"), try table.text("label_manager"))
    intensities = try channelIntensities(table)
    let tables = try table.table("configurations")
    configurations = []
    for name in tables.keys {
      let found = try PlanConfiguration(name: name, try Self.resolved(name, tables), channels: intensities.count)
      configurations.append(found)
    }
    try table.finish()
    guard transposeForward.sorted() == [0, 1, 2] else {
      throw table.wrong("transpose_forward", "an order of the axes 0, 1 and 2")
    }
    guard transposeBackward == (0..<3).map({ axis in transposeForward.firstIndex(of: axis)! }) else {
      throw table.wrong("transpose_backward", "the way back from transpose_forward")
    }
    guard !configurations.isEmpty else { throw table.wrong("configurations", "a table of at least one configuration") }
  }

  private static func firstGeneration(_ path: String) -> PreparationError {
    PreparationError("\(path) is a plan of nnU-Net 1, and only those of nnU-Net 2 are read: plan the data set again.")
  }

  /// The table of a configuration with all that it inherits.
  private static func resolved(_ name: String, _ tables: PlanTable) throws(PreparationError) -> PlanTable {
    var table = try tables.table(name), seen = [name]
    while table.has("inherits_from") {
      let parent = try table.text("inherits_from")
      guard !seen.contains(parent) else {
        throw table.wrong("inherits_from", "the name of a configuration that does not inherit from this one")
      }
      guard tables.has(parent) else { throw table.wrong("inherits_from", "the name of a configuration") }
      seen.append(parent)
      table = try table.inheriting(from: try tables.table(parent))
    }
    return table
  }
}

extension PlanConfiguration {
  fileprivate init(name: String, _ table: PlanTable, channels: Int) throws(PreparationError) {
    self.name = name
    dataIdentifier = try table.text("data_identifier")
    (batchSize, patch) = (try table.integer("batch_size"), try table.integers("patch_size"))
    (medianShape, spacing) = (try table.numbers("median_image_size_in_voxels"), try table.numbers("spacing"))
    (normalizations, usesMask) = (try table.texts("normalization_schemes"), try table.booleans("use_mask_for_norm"))
    batchDice = try table.boolean("batch_dice")
    previousStage = table.has("previous_stage") ? try table.text("previous_stage") : nil
    nextStage = table.has("next_stage") ? try table.text("next_stage") : nil
    network = try table.has("architecture") ? PlannedNetwork(table.table("architecture")) : PlannedNetwork(flat: table)
    foreignStep = try Self.foreignStep(table)
    table.ignore(["inherits_from", "previous_stage", "next_stage", "preprocessor_name"])
    try table.finish()
    try check(table, channels: channels)
  }

  private func check(_ table: PlanTable, channels: Int) throws(PreparationError) {
    let axes = spacing.count
    guard axes == 2 || axes == 3, spacing.allSatisfy({ (0.001...1000).contains($0) }) else {
      throw table.wrong("spacing", "two or three lengths from 0.001 to 1000 mm")
    }
    guard medianShape.count == axes else { throw table.wrong("median_image_size_in_voxels", "\(axes) numbers, as spacing has") }
    guard batchSize > 0 else { throw table.wrong("batch_size", "a positive number") }
    guard normalizations.count == channels, usesMask.count == channels else {
      throw table.wrong(
        "normalization_schemes", "as long as use_mask_for_norm and foreground_intensity_properties_per_channel, \(channels)")
    }
    let stages = network.strides.count
    guard stages > 0, network.widths.count == stages, network.kernels.count == stages,
      (network.strides + network.kernels).allSatisfy({ $0.count == axes && $0.allSatisfy { $0 > 0 } })
    else { throw table.wrong("architecture", "a network of as many strides, kernels and widths as stages, for \(axes) axes") }
    guard patch.count == axes, patch.allSatisfy({ $0 > 0 }) else { throw table.wrong("patch_size", "\(axes) positive numbers") }
    guard zip(patch, network.divisor).allSatisfy({ $0 % $1 == 0 }) else {
      throw table.wrong("patch_size", "\(patch), divisible by the product of the strides, \(network.divisor)")
    }
  }

  /// What a configuration asks of preparation that is not done here, as a clause; nil for nnU-Net's defaults.
  private static func foreignStep(_ table: PlanTable) throws(PreparationError) -> String? {
    var found: String?
    for (key, wanted) in [("data", PlanResampling.image), ("seg", .labels), ("probabilities", .scores)] {
      let function = try table.text("resampling_fn_\(key)"), settings = try table.value("resampling_fn_\(key)_kwargs")
      if function != PlanResampling.function || settings != wanted.json { found = "resampling_fn_\(key)" }
    }
    let preprocessor = table.has("preprocessor_name") ? try table.text("preprocessor_name") : "DefaultPreprocessor"
    return preprocessor == "DefaultPreprocessor" ? found : "preprocessor_name"
  }
}

extension PlannedNetwork {
  /// The `architecture` of nnU-Net 2.3 and later.
  fileprivate init(_ table: PlanTable) throws(PreparationError) {
    let settings = try table.table("arch_kwargs")
    name = try table.text("network_class_name")
    (widths, kernels) = (try settings.integers("features_per_stage"), try settings.integerRows("kernel_sizes"))
    strides = try settings.integerRows("strides")
    convolutions = try settings.integers(settings.has("n_blocks_per_stage") ? "n_blocks_per_stage" : "n_conv_per_stage")
    decoderConvolutions = try settings.integers("n_conv_per_stage_decoder")
    guard try settings.integer("n_stages") == strides.count else {
      throw settings.wrong("n_stages", "the number of strides, \(strides.count)")
    }
    // Further arguments of the network's class are its own business.
    settings.ignore(settings.keys)
    table.ignore(["_kw_requires_import"])
    try table.finish()
  }

  /// The keys of nnU-Net 2.2.
  fileprivate init(flat table: PlanTable) throws(PreparationError) {
    guard table.has("UNet_class_name") else {
      throw PreparationError(
        "\(table.path): \(table.place) has neither the key architecture of nnU-Net 2.8 nor UNet_class_name of 2.2, so it is of another generation: plan the data set again."
      )
    }
    name = try table.text("UNet_class_name")
    (strides, kernels) = (try table.integerRows("pool_op_kernel_sizes"), try table.integerRows("conv_kernel_sizes"))
    convolutions = try table.integers("n_conv_per_stage_encoder")
    decoderConvolutions = try table.integers("n_conv_per_stage_decoder")
    let base = try table.integer("UNet_base_num_features"), most = try table.integer("unet_max_num_features")
    widths = strides.indices.map { min(most, base << min($0, 20)) }
    table.ignore(["num_pool_per_axis"])
  }
}
