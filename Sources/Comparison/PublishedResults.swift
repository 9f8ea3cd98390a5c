// Numbers of papers beside which one's own may be set: data, split, weights, voxel size and the rule by which the checkpoint was chosen differ from table to
// table, so they stand with each. As printed in Li et al., IEEE TMI 2025 (arXiv:2403.11229v2; SFR), whose tables quote the other methods, and on the page of
// ReLiF-3D (kunaljangid01/ReLiF_3D).

/// The numbers of one table that share their conditions.
package struct PublishedResults: Sendable {
  /// A sentence with source, data, split, network, weights, voxel size and checkpoint.
  package let facts: String
  /// Mean Dice, %, by method.
  package let dice: [(method: String, text: String)]

  /// - Parameter dice: `METHOD NUMBER`, separated by commas.
  init(_ facts: String, _ dice: String) {
    self.facts = facts
    self.dice = dice.split(separator: ",").map { entry in
      let words = entry.split(separator: " ")
      return (words.dropLast().joined(separator: " "), String(words.last!))
    }
  }
}

let publishedNote =
  "None of these was measured here, and none under the conditions of the table above: compare the order of methods rather than numbers. A single run varies by "
  + "about 0.8 points with seed and machine in this family of methods."

private let sfr = "SFR (arXiv:2403.11229v2)"
private let sam =
  "SFR's rows with weights of SAM ViT-B, fine-tuned by LoRA on the same labelled volumes, all others from random weights"
private let rule =
  "last checkpoint for SFR, MT, UA-MT and DTC, the best on the test cases for ACMT and BCP, as their programs choose it"
private let atrium = "left atrium (2018 challenge, LGE-MRI), 0.625 mm, 80 training and 20 test volumes, cropped around the truth"
private let tumour = "BraTS 2019 (FLAIR, whole tumour), 1 mm, 250 training and 60 test volumes; 3D U-Net, crops of 96³"

package let publishedResults: [PublishedResults] = [
  PublishedResults(
    "\(sfr): \(atrium); V-Net, crops of 112x112x80; 16 labelled, 64 unlabelled; \(sam); \(rule).",
    "V-Net 86.03,UA-MT 88.88,CCT 88.01,CPS 87.87,DTC 89.42,ICT 89.02,CPCL 88.32,URPC 88.43,BCP 90.10,CauSSL 89.48,MT 88.12,ACMT 90.31,"
      + "SFR (MT) 90.86,SFR+ (MT) 90.91,SFR (ACMT) 90.95,SFR+ (ACMT) 91.00,SAM alone 90.39,V-Net with 80 labels 91.14"),
  PublishedResults(
    "\(sfr): the same with 1 labelled, 79 unlabelled.",
    "V-Net 17.99,MT 29.68,SFR (MT) 74.40,SFR+ (MT) 81.03,ACMT 72.64,SFR (ACMT) 76.76,SFR+ (ACMT) 83.72,SAM alone 74.78"),
  PublishedResults(
    "\(sfr): \(tumour); 50 labelled, 200 unlabelled; \(sam); \(rule).",
    "3D U-Net 80.16,UA-MT 83.12,CCT 82.53,CPS 84.01,DTC 83.43,ICT 81.76,CPCL 83.48,URPC 82.93,BCP 84.17,CauSSL 81.09,MT 82.96,ACMT 84.63,"
      + "SFR (MT) 85.19,SFR+ (MT) 86.08,SFR (ACMT) 85.81,SFR+ (ACMT) 86.09,SAM alone 84.94,3D U-Net with 250 labels 85.93"),
  PublishedResults(
    "\(sfr): the same with 1 labelled, 249 unlabelled.",
    "3D U-Net 73.74,MT 63.52,SFR (MT) 78.58,SFR+ (MT) 79.04,ACMT 63.32,SFR (ACMT) 78.47,SFR+ (ACMT) 79.24,SAM alone 78.14"),
  PublishedResults(
    "\(sfr): BTCV (abdominal CT, 13 organs), 1.5x1.5x2 mm, 18 training and 12 test volumes; V-Net, crops of 96³; 7 labelled, 11 unlabelled; \(sam); "
      + "last checkpoint.",
    "V-Net 67.17,UA-MT 67.75,CPS 65.81,ICT 73.69,SS-Net 58.26,SLC-Net 70.40,MT 65.68,SFR (MT) 70.09,SFR+ (MT) 71.81,MagicNet 76.74,"
      + "SFR (MagicNet) 77.06,SFR+ (MagicNet) 77.07,SAM alone 65.26,V-Net with 18 labels 76.28"),
  PublishedResults(
    "\(sfr): the same with 1 labelled, 17 unlabelled.",
    "V-Net 14.84,MT 29.47,SFR (MT) 39.59,SFR+ (MT) 43.51,MagicNet 40.02,SFR (MagicNet) 53.59,SFR+ (MagicNet) 58.84,SAM alone 40.98"
  ),
  PublishedResults(
    "\(sfr): MACT (abdominal CT, 8 organs), 1.5x1.5x2 mm, 70 training and 20 test volumes in a split that is not published; V-Net, crops of 96³; 14 labelled, "
      + "56 unlabelled; \(sam); last checkpoint.",
    "V-Net 69.05,UA-MT 78.33,CPS 65.17,ICT 77.52,SS-Net 69.69,MT 77.10,SFR (MT) 82.50,SFR+ (MT) 83.05,MagicNet 81.04,SFR (MagicNet) 82.87,"
      + "SFR+ (MagicNet) 83.47,SAM alone 79.59,V-Net with 70 labels 85.85"),
  PublishedResults(
    "\(sfr): the same with 1 labelled, 69 unlabelled.",
    "V-Net 18.73,MT 23.09,SFR (MT) 36.23,SFR+ (MT) 52.54,MagicNet 42.90,SFR (MagicNet) 49.08,SFR+ (MagicNet) 54.05,SAM alone 35.13"
  ),
  PublishedResults(
    "\(sfr): AbdomenCT-1K (liver, kidney, spleen, pancreas), median voxel size of nnU-Net's preparation; V-Net, crops of 96³; 180 labelled, 720 unlabelled; "
      + "\(sam); checkpoint rule not told.",
    "V-Net 67.17,MT 75.16,SFR (MT) 88.73,SFR+ (MT) 90.00,MagicNet 90.54,SFR (MagicNet) 91.41,SFR+ (MagicNet) 91.70,V-Net with 900 labels 88.26"
  ),
  PublishedResults(
    "\(sfr): the same with 1 labelled, 899 unlabelled.",
    "V-Net 22.72,MT 33.34,SFR (MT) 57.89,SFR+ (MT) 65.12,MagicNet 54.19,SFR (MagicNet) 64.32,SFR+ (MagicNet) 66.16"),
  PublishedResults(
    "ReLiF-3D's page: left atrium, 0.625 mm, 75 training, 5 validation and 20 test volumes, cropped around the truth; 3D U-Net, crops of 128³; weights of "
      + "SAM-Med3D as the prior; the best checkpoint on the test cases; by number of labelled volumes.",
    "ReLiF-3D with 1 label 76.84,ReLiF-3D with 2 labels 79.14,ReLiF-3D with 3 labels 79.50,ReLiF-3D with 5 labels 80.22"),
  PublishedResults(
    "ReLiF-3D's page: BraTS 2019 (FLAIR, whole tumour), 1 mm, 250 training, 25 validation and 60 test volumes; 3D U-Net, crops of 128³; weights of SAM-Med3D "
      + "as the prior; the best checkpoint on the validation cases; by number of labelled volumes.",
    "ReLiF-3D with 1 label 76.41,ReLiF-3D with 2 labels 78.26,ReLiF-3D with 3 labels 76.33,ReLiF-3D with 5 labels 77.69,SemiSAM+ (MT) with 2 labels 72.59"
  ),
]
