// Dice on patches of the validation cases, by which nnU-Net follows a training ("pseudo Dice"; MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py): voxels of all patches are counted together. They are drawn as in training, without augmentation,
// and are the same at every validation, so that scores differ by what was learnt alone.

import Cluster
import MPI
import Metrics
import Preparation
import Tensors
import Volumes

extension ValidationScores {
  /// Scores `count` patches of `cases`, patch i on rank i mod R: the same numbers on any number of ranks. Collective.
  /// - Parameters:
  ///   - sampler: that of training.
  ///   - batch: of so many patches the last ones are around a foreground voxel, as in training.
  ///   - labels: segments a patch [D, H, W, C] of C channels.
  init(
    patches count: Int, of cases: [String], _ store: CaseStore, _ sampler: PatchSampler, batch: Int,
    over world: borrowing Communicator, labels: (_ patch: [Float], _ channels: Int) -> [UInt8]
  ) throws {
    var sampler = sampler
    sampler.augmentation = PatchAugmentation()
    let meaning = store.index.labels, structures = meaning.structures
    // Whole numbers, whose sum over ranks is exact.
    var counts = [Double](repeating: 0, count: 3 * structures.count)
    for number in 0..<count where number % world.size == world.rank {
      let key = RandomKey(seed: sampler.seed, volume: "validation", draw: UInt64(number), stream: RandomStream.dataOrder)
      let volume = try store.volume(cases[key.integer(0, below: cases.count)])
      Flight.mark(.validation, detail: volume.identifier)
      let isForced = PatchPlacement.forcesForeground(number % batch, of: batch, share: sampler.foregroundShare)
      let patch = sampler.sample(volume, draw: UInt64(number), forced: isForced)
      guard let reference = patch.label else {
        throw TrainingError("case \(volume.identifier) has no label to validate on: prepare the data again.")
      }
      let prediction = labels(patch.image, volume.channels)
      for (place, structure) in structures.enumerated() {
        let found = overlap(prediction: prediction, reference: reference, labels: structure, ignored: meaning.ignored)
        for (offset, voxels) in [found.predicted, found.actual, found.both].enumerated() {
          counts[3 * place + offset] += Double(voxels)
        }
      }
    }
    Flight.mark(.validation, detail: "counts of all ranks")
    try world.allreduce(&counts, .sum)
    let dice = structures.indices.map { place in
      let sum = counts[3 * place] + counts[3 * place + 1]
      return sum == 0 ? nil : 2 * counts[3 * place + 2] / sum
    }
    self.init(cases: cases, dice: [dice])
    patches = count
  }
}
