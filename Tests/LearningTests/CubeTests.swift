// Crops cut into cubes: which voxel is where, and that both ways undo each other.

import Learning
import Tensors
import Testing

@Suite struct CubeTests {
  @Test func cubesAreCountedAlongWFirst() throws {
    let grid = try #require(CubeGrid([4, 2, 6], count: 2)), tape = Tape(recording: false)
    #expect(grid.cubes == 8 && grid.side == [2, 1, 3] && grid.position(6) == [1, 1, 0])
    let crops = Tensor((0..<96).map { Float($0) }, shape: [2, 4, 2, 6, 1]), cubes = tape.cut(crops, grid)
    #expect(cubes.shape == [16, 2, 1, 3, 1])
    // Cube 6 of the second crop: D 2 and 3, H 1, W 0 to 2.
    #expect(Array(cubes.values[14 * 6..<15 * 6]) == [78, 79, 80, 90, 91, 92])
    #expect(tape.tiled(cubes, grid).values == crops.values)
    #expect(CubeGrid([4, 3, 6], count: 2) == nil)
  }
}
