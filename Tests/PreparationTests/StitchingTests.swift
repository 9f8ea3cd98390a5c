// Stitching: places of voxels by hand, the way there and back for any crop, the other layouts, what does not fit.

import Preparation
import Tensors
import Testing
import Volumes

@Suite struct StitchingTests {
  /// A crop whose voxels are numbered from 1, so that 0 is a gap.
  static func numbered(_ crop: Extent) -> [Float] { (1...crop.count).map { Float($0) } }

  @Test func theLeftAtriumHasNineByNineTiles() throws {
    let crop = Extent(80, 112, 112), stitching = try Stitching(crop: crop, canvas: 1024), image = Self.numbered(crop)
    let canvas = stitching.canvas(image: image, channels: 1)
    let labels = stitching.canvas(labels: [UInt8](repeating: 1, count: crop.count))
    func pixel(_ row: Int, _ column: Int) -> Float { canvas[row * 1024 + column] }
    func voxel(x: Int, y: Int, z: Int) -> Float { image[crop.index(z, y, x)] }
    #expect(stitching.tiles == (9, 9))
    #expect(pixel(0, 0) == voxel(x: 0, y: 0, z: 0) && pixel(5, 7) == voxel(x: 7, y: 5, z: 0))
    #expect(pixel(5, 114 + 7) == voxel(x: 7, y: 5, z: 1) && pixel(114 + 5, 7) == voxel(x: 7, y: 5, z: 9))
    #expect(pixel(1023, 909) == voxel(x: 111, y: 111, z: 79))
    for row in [112, 113] {
      #expect((0..<1024).allSatisfy { pixel(row, $0) == 0 && labels[row * 1024 + $0] == 255 })
    }
    #expect(pixel(1023, 1023) == 0 && labels.last == 255)
    let share = Double(labels.filter { $0 == 255 }.count) / Double(labels.count)
    #expect(abs(share - 0.0430) < 5e-5)
  }

  @Test(arguments: [StitchGeometry.released, .uniform]) func cubesOfNinetySixLieInTheMiddleOfTheTiles(
    geometry: StitchGeometry
  ) throws {
    let crop = Extent(96, 96, 96), image = Self.numbered(crop)
    let stitching = try Stitching(crop: crop, canvas: 1024, geometry: geometry)
    #expect(stitching.tiles == (10, 10))
    let canvas = stitching.canvas(image: image, channels: 1)
    let labels = stitching.canvas(labels: [UInt8](repeating: 1, count: crop.count))
    func pixel(_ row: Int, _ column: Int) -> Float { canvas[row * 1024 + column] }
    #expect(pixel(5, 5) == 0 && labels[5 * 1024 + 5] == 255)
    #expect(pixel(5, 209) == image[0] && pixel(107, 5) == image[crop.index(8, 0, 0)])
    #expect(pixel(1018, 814) == image.last)
    let share = Double(labels.filter { $0 == 255 }.count) / Double(labels.count)
    #expect(abs(share - 0.156) < 5e-4)
  }

  /// 2,000 random crops on random canvases: every voxel has one pixel, all others are gaps, and the way back gives the crop. Among them are
  /// margins of different sign, and crops whose rounded borders would push voxels off the canvas.
  @Test(arguments: [StitchGeometry.released, .uniform, .paper])
  func everyVoxelHasOnePixel(geometry: StitchGeometry) throws {
    var unequal = 0
    for draw in 0..<1000 as Range<UInt64> {
      let key = RandomKey(7).child(draw), side = 1 + key.integer(0, below: 96)
      let (height, width) = (1 + key.integer(1, below: min(side, 30)), 1 + key.integer(2, below: min(side, 30)))
      let (rows, columns) = (side / height, side / width)
      let most = geometry == .paper ? min(rows, columns) * min(rows, columns) : rows * columns
      let crop = Extent(1 + key.integer(3, below: min(most, 60)), height, width)
      let stitching = try Stitching(crop: crop, canvas: side, geometry: geometry), image = Self.numbered(crop)
      let canvas = stitching.canvas(image: image, channels: 1)
      #expect(canvas.filter { $0 != 0 }.count == crop.count, "\(crop) on \(side)")
      #expect(stitching.volume(canvas, classes: 1) == image, "\(crop) on \(side)")
      let label = image.map { UInt8(Int($0) % 5) }, stitched = stitching.canvas(labels: label)
      #expect(zip(canvas, stitched).allSatisfy { ($0 == 0) == ($1 == 255) } && stitching.volume(labels: stitched) == label)
      if height != width { unequal += 1 }
    }
    #expect(unequal > 500)
  }

  @Test func bordersThatRoundingMadeTooWideAreNarrowed() throws {
    // 11 tiles of 92: the place of a tile is 93.09 pixels; borders of 1 would need 1034 and cut the first and the last voxels.
    let crop = Extent(121, 92, 92), stitching = try Stitching(crop: crop, canvas: 1024)
    let canvas = stitching.canvas(labels: [UInt8](repeating: 1, count: crop.count))
    #expect(canvas.filter { $0 == 1 }.count == crop.count)
    #expect(canvas[6 * 1024 + 6] == 1 && canvas[5 * 1024 + 6] == 255 && canvas[6 * 1024 + 5] == 255)
  }

  @Test func rowsAndColumnsOfUnequalSlicesHaveTheirOwnLayout() throws {
    // Rows: 4 of 15 in 64, border round(0.5) = 0, margin 2. Columns: 3 of 20 in 64, border round(0.67) = 1, margin -1.
    let crop = Extent(12, 15, 20), stitching = try Stitching(crop: crop, canvas: 64), image = Self.numbered(crop)
    let canvas = stitching.canvas(image: image, channels: 1)
    #expect(stitching.tiles == (4, 3))
    for z in 0..<12 {
      for (y, x) in [(0, 0), (3, 17), (14, 19)] {
        #expect(canvas[(2 + 15 * (z / 3) + y) * 64 + 22 * (z % 3) + x] == image[crop.index(z, y, x)])
      }
    }
  }

  @Test func channelsAndClassesStayTogether() throws {
    let crop = Extent(3, 4, 5), stitching = try Stitching(crop: crop, canvas: 12), image = Self.numbered(crop)
    let pair = image.flatMap { [$0, -$0] }, canvas = stitching.canvas(image: pair, channels: 2)
    #expect(canvas.count == 2 * 144 && stitching.volume(canvas, classes: 2) == pair)
    let alone = stitching.canvas(image: image, channels: 1)
    #expect((0..<144).allSatisfy { canvas[2 * $0] == alone[$0] && canvas[2 * $0 + 1] == -alone[$0] })
  }

  @Test func thePapersLayoutFillsFromTheUpperLeft() throws {
    let crop = Extent(5, 3, 4), stitching = try Stitching(crop: crop, canvas: 20, geometry: .paper), image = Self.numbered(crop)
    let canvas = stitching.canvas(image: image, channels: 1)
    #expect(stitching.tiles == (3, 3))
    for z in 0..<5 {
      for (y, x) in [(0, 0), (2, 3)] {
        #expect(canvas[(3 * (z / 3) + y) * 20 + 4 * (z % 3) + x] == image[crop.index(z, y, x)])
      }
    }
  }

  @Test func aScaledCanvasShowsSomeSlicesLarge() throws {
    // 2 x 2 tiles of 32 pixels, 24 of them within the border: three times the slices' 8.
    let crop = Extent(9, 8, 8), stitching = try Stitching(crop: crop, canvas: 64, geometry: .scale, tiles: 2)
    let image = (0..<crop.count).map { Float($0 / 64 + 1) }, label = image.map { UInt8($0) }
    let canvas = stitching.canvas(image: image, channels: 1, firstSlice: 3),
      labels = stitching.canvas(labels: label, firstSlice: 3)
    for (row, column, slice) in [(4, 4, 3), (27, 27, 3), (4, 36, 4), (36, 4, 5), (59, 59, 6)] {
      #expect(canvas[row * 64 + column] == Float(slice + 1) && labels[row * 64 + column] == UInt8(slice + 1))
    }
    for (row, column) in [(3, 10), (28, 10), (10, 3), (10, 31), (10, 35), (60, 60)] {
      #expect(canvas[row * 64 + column] == 0 && labels[row * 64 + column] == 255)
    }
    let back = stitching.volume(canvas, classes: 1, firstSlice: 3)
    #expect(back.indices.allSatisfy { voxel in back[voxel] == ((3..<7).contains(voxel / 64) ? image[voxel] : 0) })
    #expect(stitching.volume(labels: labels, firstSlice: 3)[3 * 64..<7 * 64].elementsEqual(label[3 * 64..<7 * 64]))
    let starts = Set((0..<200 as Range<UInt64>).map { stitching.firstSlice(RandomKey($0)) })
    #expect(starts == Set(0...5))
  }

  @Test func aScaledRampReturnsWithinItsSteps() throws {
    let crop = Extent(7, 10, 13), stitching = try Stitching(crop: crop, canvas: 100, geometry: .scale)
    let image: [Float] = (0..<crop.count).map { voxel in
      let (h, w) = (voxel / 13 % 10, voxel % 13)
      return Float(h) + 0.1 * Float(w)
    }
    #expect(stitching.tiles == (3, 3) && stitching.firstSlice(RandomKey(1)) == 0)
    let back = stitching.volume(stitching.canvas(image: image, channels: 1), classes: 1)
    // Linear maps keep a ramp; only next to edges, which are repeated, it bends.
    for h in 1..<9 {
      for w in 1..<12 {
        let voxel = crop.index(6, h, w)
        #expect(abs(back[voxel] - image[voxel]) < 0.15)
      }
    }
  }

  struct Refusal: Sendable {
    var crop: Extent
    var canvas: Int
    var geometry: StitchGeometry
    var tiles: Int
    var problem, cure: String

    init(_ crop: Extent, _ canvas: Int, _ geometry: StitchGeometry, _ tiles: Int, _ problem: String, _ cure: String) {
      (self.crop, self.canvas, self.geometry, self.tiles) = (crop, canvas, geometry, tiles)
      (self.problem, self.cure) = (problem, cure)
    }
  }

  static let refusals = [
    Refusal(
      Extent(80, 112, 112), 512, StitchGeometry.released, 0, "80 slices of a patch of 80x112x112", "80x56x56 or a canvas of 1008"),
    Refusal(Extent(82, 112, 112), 1024, .released, 0, "do not fit on a canvas of 1024", "82x102x102 or a canvas of 1120"),
    Refusal(Extent(4, 600, 20), 1024, .paper, 0, "do not fit", "4x512x20 or a canvas of 1200"),
    Refusal(Extent(90, 8, 8), 9, .released, 0, "do not fit", "take a canvas of 80"),
    Refusal(Extent(8000, 8000, 1), 64, .released, 0, "do not fit", "take fewer slices"),
    Refusal(Extent(4, 4, 4), 64, .scale, 8, "8 tiles on each side of a canvas of 64", "take 7 tiles at most, or a canvas of 72"),
    Refusal(Extent(4, 4, 4), 64, .released, 3, "geometry released has no choice of tiles", "take the geometry scale"),
    Refusal(Extent(4, 4, 4), 64, .scale, -1, "-1 tiles", "choose 1 to 8192"),
    Refusal(Extent(4, 0, 4), 64, .released, 0, "4x0x4", "1 to 8192 voxels"),
    Refusal(Extent(4, 4, Int.max), 64, .paper, 0, "cannot be stitched", "1 to 8192 voxels"),
    Refusal(Extent(4, 4, 4), Int.min, .scale, 0, "canvas of \(Int.min)", "1 to 8192"),
    Refusal(Extent(4, 4, 4), 64, .scale, Int.max, "\(Int.max) tiles", "choose 1 to 8192"),
    Refusal(Extent(4, 4, 4), 8, .scale, 2, "leave nothing", "take a canvas of 18 or more"),
    Refusal(Extent(4, 4, 4), 8, .scale, 8000, "leave nothing", "take fewer tiles and a larger canvas"),
  ]

  @Test(arguments: refusals)
  func whatDoesNotFitIsNamed(_ refusal: Refusal) {
    let error = #expect(throws: PreparationError.self) {
      try Stitching(crop: refusal.crop, canvas: refusal.canvas, geometry: refusal.geometry, tiles: refusal.tiles)
    }
    let sentence = error?.description ?? ""
    #expect(sentence.contains(refusal.problem) && sentence.contains(refusal.cure) && sentence.hasSuffix("."), "\(sentence)")
  }

  /// What a sentence names as a patch that fits does fit, and so does the patch on the canvas that it names.
  @Test func whatASentenceNamesFits() throws {
    var named = 0
    for draw in 0..<300 as Range<UInt64> {
      let key = RandomKey(11).child(draw)
      let crop = Extent(1 + key.integer(0, below: 90), 1 + key.integer(1, below: 90), 1 + key.integer(2, below: 90))
      let canvas = 1 + key.integer(3, below: 200)
      do { _ = try Stitching(crop: crop, canvas: canvas, geometry: .paper) } catch {
        let numbers = error.description.matches(of: /patch of (\d+)x(\d+)x(\d+)/).map {
          Extent(Int($0.output.1)!, Int($0.output.2)!, Int($0.output.3)!)
        }
        for geometry in [StitchGeometry.paper, .released] {
          if numbers.count > 1 { _ = try Stitching(crop: numbers[1], canvas: canvas, geometry: geometry) }
          let larger = try #require(error.description.matches(of: /a canvas of (\d+)/).last.flatMap { Int($0.output.1) })
          _ = try Stitching(crop: crop, canvas: larger, geometry: geometry)
          named += 1
        }
      }
    }
    #expect(named > 200)
  }

  /// A case with slices of 8 mm, whose frame is its own grid.
  private func thinCase(_ extent: Extent, channels: Int, image: [Float], label: [UInt8]?) -> PackedCase {
    let spacing = Spacing(8, 1, 1)
    let frame = CaseFrame(
      originalExtent: extent, originalSpacing: spacing, cropStart: [0, 0, 0], cropExtent: extent,
      grid: FileGrid(canonical: extent, spacing: spacing))
    return PackedCase(
      identifier: "a", role: .labelled, extent: extent, spacing: spacing, channels: channels, image: image, label: label,
      frame: frame)
  }

  @Test func aThinVolumeGetsAsManySlicesAsItsPatch() {
    let extent = Extent(3, 2, 2)
    let packed = thinCase(
      extent, channels: 2, image: (0..<12).flatMap { [Float($0 / 4), -Float($0)] }, label: (0..<12).map { $0 / 4 == 1 ? 3 : 0 })
    let thick = packed.withSlices(atLeast: 6)
    #expect(thick.extent == Extent(6, 2, 2) && thick.spacing == Spacing(4, 1, 1) && thick.frame == packed.frame)
    #expect(stride(from: 0, to: 48, by: 8).map { thick.image[$0] } == [0, 0.25, 0.75, 1.25, 1.75, 2])
    #expect(stride(from: 0, to: 24, by: 4).map { thick.label![$0] } == [0, 0, 3, 3, 0, 0])
    #expect(packed.withSlices(atLeast: 3).image == packed.image && packed.withSlices(atLeast: 2).extent == extent)
  }

  /// 48 slices, numbered, on the canvas of 96: cell k shows slice k - 2, which lies at (k - 2 + ½) / 2 - ½ of the volume's own.
  @Test func theUniformGeometryInterpolatesThinVolumes() throws {
    let crop = Extent(96, 96, 96), extent = Extent(48, 96, 96), slice = 96 * 96
    let volume = thinCase(
      extent, channels: 1, image: (0..<extent.count).map { Float($0 / slice) },
      label: (0..<extent.count).map { $0 / slice < 24 ? 1 : 2 })
    let uniform = try Stitching(crop: crop, canvas: 1024, geometry: .uniform), source = uniform.source(volume)
    #expect(source.extent == crop && source.spacing.depth == 4)
    let canvas = uniform.canvas(image: source.image, channels: 1), labels = uniform.canvas(labels: source.label!)
    for (row, column, depth, label) in [
      (5, 209, 0.0, 1), (107, 5, 3.75, 1), (107, 107, 4.25, 1), (1018, 814, 47, 2), (413, 821, 22.75, 1),
    ] as [(Int, Int, Float, UInt8)] {
      #expect(abs(canvas[row * 1024 + column] - depth) < 1e-5 && labels[row * 1024 + column] == label, "(\(row), \(column))")
    }
    #expect(canvas[5 * 1024 + 5] == 0 && labels[5 * 1024 + 5] == 255)
    // And back to the volume's own slices: a ramp stays one, but for its ends, which are repeated.
    let back = uniform.restored(uniform.volume(canvas, classes: 1), classes: 1, to: volume)
    #expect(back.count == volume.image.count && zip(back, volume.image).allSatisfy { abs($0 - $1) < 0.2 })
    // The other geometries, and volumes that have slices enough, are left alone.
    let released = try Stitching(crop: crop, canvas: 1024)
    #expect(released.source(volume).extent == extent && released.restored(volume.image, classes: 1, to: volume) == volume.image)
    let thick = volume.withSlices(atLeast: 97)
    #expect(uniform.source(thick).extent == thick.extent && uniform.restored(thick.image, classes: 1, to: thick) == thick.image)
  }
}
