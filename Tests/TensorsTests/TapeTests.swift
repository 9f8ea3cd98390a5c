// The rules of the tape, without parameters or losses: what is recorded, which gradients add up, and how long memory lives.

import Kernels
import Tensors
import Testing

@Suite struct TapeTests {
  @Test func aValueUsedTwiceReceivesBothGradients() {
    let tape = Tape()
    let x = tape.variable(Tensor([1, 2, 3, 4], shape: [1, 1, 1, 2, 2]))
    let sums = (0..<2).map { _ in
      tape.recordScalar("sum", inputs: [x], value: 0) { seed in
        tape.accumulate(Tensor([Float](repeating: Float(seed), count: 4), shape: x.shape), for: x)
      }
    }
    tape.backward(from: sums.map { ($0, weight: 3) })
    #expect(tape.gradient(of: x)!.values == [6, 6, 6, 6])
  }

  @Test func nothingIsRecordedForInference() {
    let tape = Tape(recording: false)
    let x = tape.variable(Tensor([Float](repeating: 1, count: 16), shape: [1, 2, 2, 2, 2]))
    _ = tape.softmax(tape.maxPooling(x))
    #expect(tape.operations.isEmpty)
    let recording = Tape()
    _ = recording.softmax(Tensor([1, 2], shape: [1, 1, 1, 1, 2]))
    #expect(recording.operations.isEmpty, "a value that needs no gradient leaves no record")
  }

  @Test func dropoutKeepsItsShareAndItsMean() {
    let tape = Tape(recording: false), count = 100_000
    let ones = Tensor([Float](repeating: 1, count: count), shape: [1, 1, 1, 1, count])
    let kept = tape.dropout(ones, probability: 0.3, key: RandomKey(8)).values
    let share = Double(kept.filter { $0 != 0 }.count) / Double(count)
    #expect(abs(share - 0.7) < 0.01 && abs(Double(kept.reduce(0, +)) / Double(count) - 1) < 0.02)
    #expect(tape.dropout(ones, probability: 0.3, key: RandomKey(8)).values == kept)
    #expect(tape.dropout(ones, probability: 0.3, key: RandomKey(9)).values != kept)
  }

  @Test func foreignMemoryIsKeptWhileATensorUsesIt() {
    final class Owner {
      let floats = UnsafeMutablePointer<Float>.allocate(capacity: 2)
      init() { floats.initialize(to: 5) }
      deinit { floats.deallocate() }
    }
    var owner: Owner? = Owner()
    weak let watched = owner
    var tensor: Tensor? = Tensor(shape: [1], storage: Storage(readingFrom: owner!.floats, of: owner!), offset: 0)
    owner = nil
    #expect(watched != nil && tensor!.values == [5])
    tensor = nil
    #expect(watched == nil)
  }
}
