// One structure of a random scene: an ellipsoid or box with round corners that may be long, bent, tapered, rough or hollow. Points and
// lengths are in voxels, axes in the order of the scene.

import Tensors

/// The place of a structure; `level` is below 1 inside.
struct SceneShape {
  private let centre, radii: SIMD3<Float>
  private let rows: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)
  /// How far the middle of the long axis lies beside the line of its ends, in radii of the other two axes.
  private var bend = SIMD2<Float>.zero
  /// How much thicker one end is than the middle.
  private var taper: Float = 0
  private var isBoxy = false
  /// How far noise of standard deviation 1 moves the surface, in radii.
  private var roughness: Float = 0
  /// Thickness of the wall of a hollow shape, in radii.
  private(set) var wall: Float?
  /// Mirrored at the plane where the first coordinate is 0.
  let isPaired: Bool
  /// Square of a distance from the centre beyond which nothing of the shape lies.
  private let reach: Float

  /// A round thing of an organ's or a tumour's size.
  init(organIn bounds: Float, _ draw: inout RandomDraws) {
    let radius = draw.uniform(0.05...0.28) * bounds
    self.init(
      centre: 0.36 * bounds * draw.point(), radii: radius * (1 + 0.4 * draw.point()), isPaired: draw.chance(0.3), &draw)
    bend = SIMD2(draw.uniform(-0.4...0.4), draw.uniform(-0.4...0.4))
    roughness = draw.chance(0.4) ? draw.uniform(0.15...0.45) : draw.uniform(0...0.1)
    wall = radius > 5 && draw.chance(0.2) ? draw.uniform(0.25...0.6) : nil
  }

  /// One of several thin things that lie side by side, as the nuclei in the middle of a brain do.
  init(nucleusIn bounds: Float, _ draw: inout RandomDraws) {
    let place = draw.point() * SIMD3(0.12, 0.26, 0.22) * bounds + SIMD3(0.14 * bounds, 0, 0)
    let length = draw.uniform(0.06...0.19) * bounds
    let thickness = SIMD2(draw.uniform(0.03...0.09), draw.uniform(0.035...0.1)) * bounds
    self.init(
      centre: place, radii: SIMD3(length, min(thickness.x, length), min(thickness.y, length)), isPaired: draw.chance(0.9), &draw)
    bend = SIMD2(draw.uniform(-1.2...1.2), draw.uniform(-0.8...0.8))
    taper = draw.uniform(-0.6...0.6)
    roughness = draw.uniform(0...0.18)
  }

  /// The body around everything, or the head.
  init(bodyIn bounds: Float, _ draw: inout RandomDraws) {
    self.init(centre: 0.08 * bounds * draw.point(), radii: bounds * (0.55 + 0.15 * draw.point()), isPaired: false, &draw)
    roughness = draw.uniform(0...0.1)
  }

  private init(centre: SIMD3<Float>, radii: SIMD3<Float>, isPaired: Bool, _ draw: inout RandomDraws) {
    (self.centre, self.radii, self.isPaired) = (centre, radii, isPaired)
    isBoxy = draw.chance(0.25)
    rows = randomRotation(&draw)
    let longest = radii.max() * 2.6
    reach = longest * longest
  }

  /// 1 on the surface, 0 at the centre of a plain ellipsoid.
  /// - Parameter noise: the scene's smooth noise at the point.
  @inline(__always) func level(at point: SIMD3<Float>, noise: Float) -> Float {
    let offset = (isPaired ? SIMD3(abs(point.x), point.y, point.z) : point) - centre
    let square = offset * offset
    if square.sum() > reach { return .infinity }
    let x = (rows.0 * offset).sum() / radii.x, width = 1 / (1 + taper * max(-1, min(1, x)))
    let y = ((rows.1 * offset).sum() / radii.y - bend.x * (x * x - 0.5)) * width
    let z = ((rows.2 * offset).sum() / radii.z - bend.y * (x * x - 0.5)) * width
    let (a, b, c) = (x * x, y * y, z * z)
    let radius = isBoxy ? (a * a + b * b + c * c).squareRoot().squareRoot() : (a + b + c).squareRoot()
    return radius + roughness * noise
  }
}

/// The rows of a random rotation: a uniform unit quaternion by rejection from the cube.
private func randomRotation(_ draw: inout RandomDraws) -> (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>) {
  var q = SIMD4<Float>(1, 0, 0, 0)
  for _ in 0..<8 {
    let axis = draw.point(), candidate = SIMD4(draw.uniform(-1...1), axis.x, axis.y, axis.z)
    let square = (candidate * candidate).sum()
    guard square <= 1, square > 0.01 else { continue }
    q = candidate / square.squareRoot()
    break
  }
  let (w, x, y, z) = (q[0], q[1], q[2], q[3])
  return (
    SIMD3(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
    SIMD3(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
    SIMD3(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
  )
}
