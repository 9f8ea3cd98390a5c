// Files that promise more or less than they hold, that are no files, or that no memory holds: refused at once, whatever they would inflate to.

import Foundation
import TestSupport
import Testing

import Volumes

@Suite struct FileLimitTests {
  private func complaint(_ path: String) -> String {
    do throws(VolumeError) {
      _ = try readVolume(path)
      return "was read"
    } catch { return error.description }
  }

  @Test func aLittlePaddingIsReadAndMoreIsRefused() throws {
    try withTemporaryFolder { folder in
      let bytes = NIfTISample().bytes
      func padded(_ count: Int) -> [UInt8] { bytes + [UInt8](repeating: 0, count: count) }
      for (name, content) in [("a.nii", padded(8192)), ("b.nii.gz", try gzipped(padded(8192), in: folder))] {
        #expect(try readVolume(store(content, name, in: folder)).voxels == (0..<24).map(Float.init))
      }
      // 60 MB of zeros in 60 kB: a file that inflates without end.
      for (name, content) in [("c.nii", padded(8193)), ("d.nii.gz", try gzipped(padded(60_000_000), in: folder))] {
        let path = try store(content, name, in: folder)
        let text = complaint(path)
        #expect(text.hasPrefix(path) && text.contains("more than 8192 bytes beyond"), "\(text)")
      }
    }
  }

  @Test func pipesAndDevicesAreNoFiles() {
    withTemporaryFolder { folder in
      let pipe = "\(folder)/pipe.nii"
      #expect(mkfifo(pipe, 0o600) == 0)
      for path in [pipe, "/dev/zero"] {
        #expect(complaint(path).hasPrefix("\(path) is a pipe, a socket or a device"))
        #expect(throws: VolumeError.self) { try readGrid(path) }
        #expect(throws: VolumeError.self) { try fileHash(path) }
      }
    }
  }

  /// A sparse file of 900 GB: the promise is kept, and no machine that runs tests can hold it.
  @Test func volumesThatNoMemoryHoldsAreRefusedBeforeTheyAreRead() throws {
    try withTemporaryFolder { folder in
      var sample = NIfTISample(dimensions: [3, 15000, 15000, 4000, 1, 1, 1, 1], type: 2, values: [])
      sample.pixelDimensions = [1, 0.1, 0.1, 0.1, 0, 0, 0, 0]
      sample.sform = [0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 0.1, 0]
      let path = try store(sample.bytes, "huge.nii", in: folder)
      #expect(truncate(path, 352 + 900_000_000_000) == 0)
      let text = complaint(path)
      #expect(
        text.hasPrefix("\(path) cannot be read, the volume of 15000x15000x4000 voxels of uint8 needs about 4191."), "\(text)")
    }
  }

  @Test(arguments: [1e30, -1, Double.nan, 1e9]) func placesOfVoxelsAreBounded(offset: Double) throws {
    try withTemporaryFolder { folder in
      var bytes = NIfTISample().bytes
      withUnsafeBytes(of: Float(offset)) { bytes.replaceSubrange(108..<112, with: $0) }
      let text = complaint(try store(bytes, "a.nii", in: folder))
      #expect(text.contains("its voxels begin at byte"), "\(text)")
    }
  }

  @Test func pairsOfHeaderAndVoxelsAreRead() throws {
    try withTemporaryFolder { folder in
      let sample = NIfTISample(magic: "ni1\0")
      var header = Array(sample.bytes[..<348]), voxels = Array(sample.bytes[352...])
      header.replaceSubrange(108..<112, with: [0, 0, 0, 0])  // vox_offset counts from the start of the .img
      for (head, body) in [("a.hdr", "a.img"), ("b.hdr", "b.img.gz"), ("C.HDR", "C.IMG"), ("d.hdr.gz", "d.img.gz")] {
        let path = try store(head.hasSuffix(".gz") ? gzipped(header, in: folder) : header, head, in: folder)
        let other = try store(body.hasSuffix(".gz") ? gzipped(voxels, in: folder) : voxels, body, in: folder)
        for name in [path, other] {
          #expect(try readVolume(name).voxels == (0..<24).map(Float.init), "\(name)")
          #expect(try readGrid(name).spacing == Spacing(4, 3, 2))
          #expect(filesOfVolume(name) == [path, other])
        }
      }
      #expect(filesOfVolume("\(folder)/scan.nii.gz") == ["\(folder)/scan.nii.gz"])
      voxels.removeLast()
      #expect(complaint(try store(voxels, "a.img", in: folder)).contains("truncated"))
      let alone = try store(header, "alone.hdr", in: folder)
      #expect(complaint(alone) == "\(alone) is a NIfTI header whose voxels are in a separate .img file: put that beside it.")
    }
  }
}
