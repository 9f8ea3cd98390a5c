// `cohort import` for files of no known layout: pairs of images and labels, series of DICOM files, HDF5 arrays with lists.

import ArgumentParser
import Preparation
import Volumes

private let classesHelp: ArgumentHelp =
  "Names of the classes without the background, as liver,tumour, in the order of the values that occur; \"label 1\" and so on if not given."

extension Import {
  struct Folder: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "folder", abstract: "Images and labels of the same names in two folders, or a folder for each case.",
      discussion: """
        Words such as image, label, mask and seg in the names do not count, so volume-1.nii.gz and segmentation-1.nii.gz are a case. Images without a \
        label are unlabelled. Label values that are not 1, 2, 3 and so on are numbered so, in their order (255 becomes 1).
        """)

    @Argument(help: "Folder of the images, or of a folder for each case, or of folders named images and labels.")
    var images: String
    @Option(help: "Folder of their labels, if it is another one.")
    var labels: String?
    @Option(help: "Names of the channels in the order of their files, as CT or FLAIR,T1; CT is normalised as CT.")
    var channels: String
    @Option(help: classesHelp)
    var classes: String?
    @OptionGroup var output: ImportOutput
    @OptionGroup var split: SplitOptions

    func run() throws {
      try reporting {
        try importFolder(
          images, labels: labels, to: output.output, channelNames: listed(channels), classNames: classes.map(listed),
          split: split.split)
      }
    }
  }

  struct DICOM: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dicom", abstract: "Series of DICOM files, a folder for each case; needs dcm2niix.",
      discussion: "The Debian package dcm2niix converts the series. The modality of the files names the channel.")

    @Argument(help: "Folder that holds a folder for each case.")
    var folder: String
    @Option(help: "Folder of label maps (NIfTI, NRRD, MetaImage) with the names of the cases.")
    var labels: String?
    @Option(help: classesHelp)
    var classes: String?
    @OptionGroup var output: ImportOutput
    @OptionGroup var split: SplitOptions

    func run() throws {
      try reporting {
        try importDICOM(
          folder, labels: labels, to: output.output, classNames: classes.map(listed), split: split.split)
      }
    }
  }

  struct H5List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "h5list", abstract: "HDF5 files with arrays image and label, and lists, as of UA-MT and SSL4MIS.",
      discussion: """
        Such files tell neither which axis is which nor how far apart voxels are. train.list and test.list (or .txt) in the folder or above it are read \
        if no lists are given. A file without label is unlabelled.
        """)

    @Argument(help: "Folder that holds the .h5 files, at any depth.")
    var folder: String
    @Option(help: "Axes of the arrays in their order: xyz as UA-MT writes them, zyx as SSL4MIS does for BraTS.")
    var axes = "xyz"
    @Option(help: "Voxel size in millimetres: one number, or depth,height,width (z,y,x).")
    var spacing = "1"
    @Option(help: "Name of the channel; CT is normalised as CT.")
    var channel = "MRI"
    @Option(help: classesHelp)
    var classes: String?
    @OptionGroup var output: ImportOutput
    @OptionGroup var split: SplitOptions

    func run() throws {
      try reporting {
        try importArrays(
          folder, to: output.output, geometry: ArrayGeometry(order: axes, spacing: parseSpacing(spacing)), channelName: channel,
          classNames: classes.map(listed), split: split.split)
      }
    }
  }
}
