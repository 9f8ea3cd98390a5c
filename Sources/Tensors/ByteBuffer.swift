// A byte for each element, kept from the forward pass for the backward pass (which corner was largest, which voxel passed a gate).

/// `count` bytes with undefined contents.
public final class ByteBuffer {
  public let pointer: UnsafeMutablePointer<UInt8>
  public init(count: Int) { pointer = .allocate(capacity: count) }
  deinit { pointer.deallocate() }
}
