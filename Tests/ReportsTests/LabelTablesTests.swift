// Names and colours of classes as ITK-SNAP and 3D Slicer read them.

import Reports
import Testing

@Suite struct LabelTablesTests {
  private let names = ["background", "left \"atrium\"", "scar"]

  @Test func linesHaveTheFieldsOfEachProgram() {
    #expect(
      labelDescriptionOfITKSNAP(names) == """
        0 0 0 0 0 0 0 "background"
        1 235 64 52 1 1 1 "left atrium"
        2 66 170 245 1 1 1 "scar"

        """)
    #expect(
      colorTableOfSlicer(names) == """
        0 background 0 0 0 0
        1 left_"atrium" 235 64 52 255
        2 scar 66 170 245 255

        """)
  }
}
