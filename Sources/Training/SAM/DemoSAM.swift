// The demo SAM: a small pretrained network that comes with the package, so that SFR can be tried without a download.

import Foundation

/// The file of the demo SAM; `PriorDescription` reads by which command it was made.
public func demoSAMPath() -> String {
  guard let path = Bundle.module.path(forResource: "demo-sam", ofType: "safetensors") else {
    fatalError("the demo SAM is missing beside the program: copy the folder cohort_Training.resources with it.")
  }
  return path
}
