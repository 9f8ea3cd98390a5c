// The demo prior: a pretrained network that comes with the package, so that methods with a frozen prior can be tried without a download.

import Foundation

/// The file of the demo prior ; `PriorDescription` reads by which command it was made.
public func demoPriorPath() -> String {
  guard let path = Bundle.module.path(forResource: "demo-prior", ofType: "safetensors") else {
    fatalError("the demo prior is missing beside the program: copy the folder cohort_Training.resources with it.")
  }
  return path
}
