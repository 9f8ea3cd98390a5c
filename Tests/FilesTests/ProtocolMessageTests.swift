// Messages of Protocol Buffers: the bytes that its documentation names.

import Files
import Testing

@Suite struct ProtocolMessageTests {
  private func bytes(_ fill: (inout ProtocolMessage) -> Void) -> [UInt8] {
    var message = ProtocolMessage()
    fill(&message)
    return message.bytes
  }

  @Test func fieldsHaveTheDocumentedBytes() {
    #expect(bytes { $0.add(150, as: 1) } == [0x08, 0x96, 0x01])
    #expect(bytes { $0.add("testing", as: 2) } == [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6E, 0x67])
    #expect(bytes { $0.add(packed: [3, 270, 86942], as: 6) } == [0x32, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05])
    #expect(bytes { $0.add(-2, as: 1) } == [0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
    #expect(bytes { $0.add(Float(1), as: 16) } == [0x85, 0x01, 0, 0, 0x80, 0x3F])
    #expect(bytes { $0.add(1.0, as: 1) } == [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    #expect(bytes { $0.add(packed: [1.0], as: 1) } == [0x0A, 0x08, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
  }

  @Test func aMessageWithinAnotherIsItsBytes() {
    var inner = ProtocolMessage()
    inner.add(150, as: 1)
    #expect(bytes { $0.add(inner, as: 3) } == [0x1A, 0x03, 0x08, 0x96, 0x01])
  }
}
