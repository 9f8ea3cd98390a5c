// The text of plans.json as nnU-Net 2.8 reads it: the keys, their order and the fixed settings of its default planner (MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/experiment_planning/experiment_planners/default_experiment_planner.py).

extension Plan {
  /// The text of plans.json.
  public var text: String { json.text() }

  var json: PlanJSON {
    .table([
      ("dataset_name", .text(datasetName)), ("plans_name", .text(plansName)),
      ("original_median_spacing_after_transp", .numbers(medianSpacing)),
      ("original_median_shape_after_transp", .integers(medianShape)), ("image_reader_writer", .text(reader)),
      ("transpose_forward", .integers(transposeForward)), ("transpose_backward", .integers(transposeBackward)),
      ("configurations", .table(configurations.map { ($0.name, $0.json) })), ("experiment_planner_used", .text(planner)),
      ("label_manager", .text(labelManager)), ("foreground_intensity_properties_per_channel", Planning.json(intensities)),
    ])
  }
}

extension PlanConfiguration {
  fileprivate var json: PlanJSON {
    if let previousStage {
      return .table([("inherits_from", .text("3d_fullres")), ("previous_stage", .text(previousStage))])
    }
    // The shape of a low resolution is whole, and nnU-Net writes it so.
    let shape = nextStage == nil ? PlanJSON.numbers(medianShape) : .integers(medianShape.map { Int($0) })
    return .table(
      [
        ("data_identifier", .text(dataIdentifier)), ("preprocessor_name", .text("DefaultPreprocessor")),
        ("batch_size", .integer(batchSize)), ("patch_size", .integers(patch)), ("median_image_size_in_voxels", shape),
        ("spacing", .numbers(spacing)), ("normalization_schemes", .list(normalizations.map { .text($0) })),
        ("use_mask_for_norm", .list(usesMask.map { .boolean($0) })),
      ] + resampling + [("architecture", network.json), ("batch_dice", .boolean(batchDice))]
        + (nextStage.map { [("next_stage", .text($0))] } ?? []))
  }

  private var resampling: [(key: String, value: PlanJSON)] {
    let function = PlanJSON.text(PlanResampling.function)
    return [
      ("resampling_fn_data", function), ("resampling_fn_seg", function),
      ("resampling_fn_data_kwargs", PlanResampling.image.json), ("resampling_fn_seg_kwargs", PlanResampling.labels.json),
      ("resampling_fn_probabilities", function), ("resampling_fn_probabilities_kwargs", PlanResampling.scores.json),
    ]
  }
}

/// The resampling that a plan asks for, the only one that is done here (`Preparation/Resampling`).
struct PlanResampling {
  let isLabel: Bool
  let order: Int

  static let function = "resample_data_or_seg_to_shape"
  static let image = PlanResampling(isLabel: false, order: 3)
  static let labels = PlanResampling(isLabel: true, order: 1)
  static let scores = PlanResampling(isLabel: false, order: 1)

  var json: PlanJSON {
    .table([
      ("is_seg", .boolean(isLabel)), ("order", .integer(order)), ("order_z", .integer(0)), ("force_separate_z", .null),
    ])
  }
}

extension PlannedNetwork {
  static let plainName = "dynamic_network_architectures.architectures.unet.PlainConvUNet"

  fileprivate var json: PlanJSON {
    let axes = "\(strides[0].count)d"
    return .table([
      ("network_class_name", .text(name)),
      (
        "arch_kwargs",
        .table([
          ("n_stages", .integer(strides.count)), ("features_per_stage", .integers(widths)),
          ("conv_op", .text("torch.nn.modules.conv.Conv\(axes)")), ("kernel_sizes", .list(kernels.map(PlanJSON.integers))),
          ("strides", .list(strides.map(PlanJSON.integers))), ("n_conv_per_stage", .integers(convolutions)),
          ("n_conv_per_stage_decoder", .integers(decoderConvolutions)), ("conv_bias", .boolean(true)),
          ("norm_op", .text("torch.nn.modules.instancenorm.InstanceNorm\(axes)")),
          ("norm_op_kwargs", .table([("eps", .number(1e-5)), ("affine", .boolean(true))])), ("dropout_op", .null),
          ("dropout_op_kwargs", .null), ("nonlin", .text("torch.nn.LeakyReLU")),
          ("nonlin_kwargs", .table([("inplace", .boolean(true))])),
        ])
      ), ("_kw_requires_import", .list(["conv_op", "norm_op", "dropout_op", "nonlin"].map { .text($0) })),
    ])
  }
}
