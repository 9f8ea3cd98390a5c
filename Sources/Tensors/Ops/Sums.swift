// Sums of tensors: residual connections, and tables that are added to every sample.

import Kernels

extension Tape {
  /// a + b, of one shape.
  public func sum(_ a: Tensor, _ b: Tensor) -> Tensor {
    require(a.shape == b.shape, "sum of \(a.shape) and \(b.shape): shapes must agree.")
    let y = Tensor(uninitialized: a.shape), places = [a.place, b.place].filter { $0.slot != nil }
    Kernels.sum(a.pointer, b.pointer, period: b.count, into: y.pointer, count: y.count)
    return record("sum", inputs: [a, b], output: y) { dy in
      for place in places.dropFirst() { self.accumulate(dy.compacted, at: place) }
      self.accumulate(dy, at: places[0])
    }
  }

  /// x + table, whose elements are repeated along the leading axes: position codes, embeddings.
  /// - Shape: x of n · T elements, a table of T elements; result like x.
  public func sum(_ x: Tensor, _ table: Parameter) -> Tensor {
    let period = table.shape.count
    require(
      x.count % period == 0,
      "sum of \(x.shape) and \(table.name) \(table.shape): the table must fill the input a whole number of times.")
    let y = Tensor(uninitialized: x.shape), place = x.place
    Kernels.sum(x.pointer, table.value.pointer, period: period, into: y.pointer, count: y.count)
    return record("sum", inputs: [x], parameters: [table], output: y) { dy in
      if place.slot != nil { self.accumulate(dy.compacted, at: place) }
      // Halves are added onto each other, which uses dy up, until one copy of the table is left.
      var rows = dy.count / period
      while rows > 1 {
        let half = rows / 2
        add(dy.pointer + (rows - half) * period, to: dy.pointer, count: half * period)
        rows -= half
      }
      table.accumulate(dy.window(table.shape))
    }
  }
}
