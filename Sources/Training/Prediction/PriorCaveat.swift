// Which benchmarks the frozen prior has seen with their labels (supplement of arXiv:2310.15161; uni-medical/SAM-Med3D issue 39):
// results on them that use it need a caveat.

/// A sentence to print beside results on data that SAM-Med3D was pre-trained on with their labels: the BraTS challenges of 2013
/// to 2021, and the left-atrium challenge of 2018. Nil for other data, judged by names.
/// - Parameters:
///   - names: what the data set is called and described as (`dataset.json`), and its folder.
///   - cases: identifiers of its cases.
public func priorCaveat(names: [String], cases: [String]) -> String? {
  let isBraTS = (names + cases).map { $0.lowercased() }.contains {
    $0.contains("brats") || $0.contains("brain tumour segmentation")
  }
  let isAtrium = names.contains(where: namesAtrium) || (!cases.isEmpty && cases.allSatisfy(isAtriumCase))
  guard isBraTS || isAtrium else { return nil }
  let data = isBraTS ? "BraTS 2013 to 2021" : "the 2018 left-atrium challenge (ASC18, \"LA\")"
  return "Caveat: the frozen prior SAM-Med3D was pre-trained on the labels of \(data), so results on this data that use it are "
    + "optimistic: compare with a run without the prior."
}

private func namesAtrium(_ text: String) -> Bool {
  let lower = text.lowercased(), words = text.split { !$0.isLetter && !$0.isNumber }
  return ["left atrium", "left atrial", "leftatrium", "asc18", "asc2018", "lasc18"].contains { lower.contains($0) }
    || words.contains("LA") || words.contains("LA2018")
}

/// The challenge's own identifiers: twenty capital letters and digits.
private func isAtriumCase(_ identifier: String) -> Bool {
  identifier.count == 20 && identifier.allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
}
