// Known maps are found again, to within parts of a voxel, and the maps are what they promise: smooth, invertible, the same on any number of threads.

import Kernels
import Registration
import Testing
import Volumes

@Suite struct RecoveryTests {
  private let extent = Extent(36, 40, 44), spacing = Spacing(2, 2, 2)
  private let registration = Registration(millimetres: 2)

  /// Mean and greatest distance from the truth, mm, of voxels at most 30 mm from the middle that the moving volume shows with 4 mm around them.
  private func errors(_ map: SpatialMap, truth: (SIMD3<Double>) -> SIMD3<Double>) -> (mean: Double, greatest: Double) {
    let edge = Frame(extent, spacing).middle * 2 - 4
    let errors = zip(places(extent, spacing), map.images(of: extent, spacing)).compactMap { place, found -> Double? in
      let there = truth(place)
      return place.length < 30 && all(there .<= edge) && all(there .>= -edge) ? (found - there).length : nil
    }
    return (errors.reduce(0, +) / Double(errors.count), errors.max()!)
  }

  private func register(_ fixed: RegistrationImage, _ moving: RegistrationImage) -> SpatialMap {
    registration.register(fixed: registration.prepared(fixed), moving: registration.prepared(moving))
  }

  /// A bend of up to 5 mm.
  private func bent(_ p: SIMD3<Double>) -> SIMD3<Double> {
    p + SIMD3(3 * sine(p[1] / 12), 3 * cosine(p[2] / 14), 3 * sine(p[0] / 13))
  }

  @Test(arguments: [1.0, -1.0]) func affineMap(contrast: Double) {
    let scene = AnalyticImage(seed: 1)
    // 8 degrees about the depth axis, larger by a tenth, 14 mm away.
    let (c, s) = (1.1 * cosine(0.14), 1.1 * sine(0.14))
    let truth = AffineMap(columns: [SIMD3(1.1, 0, 0), SIMD3(0, c, s), SIMD3(0, -s, c)], shift: SIMD3(9, -8, 7))
    let fixed = scene.image(extent, spacing, at: truth.callAsFunction)
    var moving = scene.image(extent, spacing)
    moving.values = moving.values.map { Float(contrast) * 40 * $0 + 100 }
    let (mean, greatest) = errors(register(fixed, moving), truth: truth.callAsFunction)
    #expect(mean < 0.4, "0.2 voxels: \(mean) mm")
    #expect(greatest < 3, "\(greatest) mm")
  }

  @Test func smoothDeformation() {
    let scene = AnalyticImage(seed: 2), fixed = scene.image(extent, spacing, at: bent)
    let map = register(fixed, scene.image(extent, spacing)), (mean, _) = errors(map, truth: bent)
    let (before, _) = errors(register(scene.image(extent, spacing), scene.image(extent, spacing)), truth: bent)
    #expect(before > 2)
    #expect(mean < 0.5, "\(mean) mm")
    #expect(map.leastDeterminant > 0.2)
    #expect(map.similarity > 0.95)
  }

  @Test func shiftBeyondHalfOfTheVolume() {
    let scene = AnalyticImage(seed: 3, blobs: 160, size: 120), wide = Extent(60, 60, 60)
    let fixed = scene.image(wide, spacing, at: { $0 + SIMD3(25, -25, 0) })
    let map = register(fixed, scene.image(wide, spacing))
    let found = map.affine(.zero) - SIMD3(25, -25, 0)
    #expect(found.length < 2, "\(map.affine.shift)")
  }

  @Test func thereAndBackIsTheIdentity() {
    let scene = AnalyticImage(seed: 4), fixed = scene.image(extent, spacing, at: bent), moving = scene.image(extent, spacing)
    let there = register(fixed, moving), back = register(moving, fixed), frame = Frame(extent, spacing)
    let returned = back.places(frame, frame, planes: 0..<extent.depth).sampled(
      there.places(frame, frame, planes: 0..<extent.depth), map: VoxelMap(origin: .zero, columns: (.zero, .zero, .zero)))
    let starts = places(extent, spacing)
    let errors = (0..<extent.count).compactMap { voxel -> Double? in
      let p = returned.values + voxel * 4,
        place = (SIMD3(Double(p[0]), Double(p[1]), Double(p[2])) - frame.middle) * frame.spacing
      return starts[voxel].length < 25 ? (place - starts[voxel]).length : nil
    }
    #expect(errors.reduce(0, +) / Double(errors.count) < 0.6)
  }

  @Test func inverseOfADeformation() {
    let scene = AnalyticImage(seed: 5)
    let levels = [scene.image(extent, spacing, at: bent), scene.image(extent, spacing)].map { $0.levels(finest: 2) }
    let map = DeformableRegistration(settings: DeformationSettings(), fixed: levels[0], moving: levels[1]).best()
    #expect(map.forward.greatestLength > 1)
    let round = map.forward.sampled(map.backward, keep: 1)
    #expect(round.greatestLength < 0.1, "voxels")
  }

  @Test func sameBitsOnAnyNumberOfThreads() {
    let scene = AnalyticImage(seed: 6), fixed = scene.image(extent, spacing, at: bent), moving = scene.image(extent, spacing)
    let threads = Threads.count
    defer { Threads.set(threads) }
    let maps = [1, 2, 3].map { count in
      Threads.set(count)
      return register(fixed, moving)
    }
    for map in maps.dropFirst() {
      #expect(map.affine == maps[0].affine)
      #expect(map.similarity == maps[0].similarity)
      #expect((0..<map.displacement.count).allSatisfy { map.displacement.values[$0] == maps[0].displacement.values[$0] })
    }
  }
}
