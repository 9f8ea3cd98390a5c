// The layer through which MPI writes files that ranks share. Open MPI brings two, its own OMPIO and the older ROMIO, and OMPIO before 4.1.7 is known
// to corrupt shared files (open-mpi/ompi issue 12718): there ROMIO is chosen where it is installed.

import CMPI
import Foundation

public enum ParallelIO {
  private static let variable = "OMPI_MCA_io"
  /// The first Open MPI whose own layer is trusted.
  private static let soundVersion = [4, 1, 7]

  /// Chooses the layer unless the user has; before `MPI_Init`, which is when Open MPI looks.
  static func choose() {
    guard let version = openMPIVersion, version.lexicographicallyPrecedes(soundVersion), let romio else { return }
    setenv(variable, romio, 0)
  }

  /// What writes shared files here and why, for a log.
  public static var title: String {
    guard let version = openMPIVersion else { return "the MPI library's own layer" }
    let name = "Open MPI " + version.map(String.init).joined(separator: ".")
    let isDoubtful = version.lexicographicallyPrecedes(soundVersion)
    switch ProcessInfo.processInfo.environment[variable] {
    case .some(let layer) where layer == romio:
      return isDoubtful ? "ROMIO (\(name)'s own layer, OMPIO, is known to corrupt shared files)" : "ROMIO of \(name)"
    case .some(let layer): return "\(layer) of \(name), as \(variable) says"
    case nil: return "OMPIO of \(name)" + (isDoubtful ? ", known to corrupt shared files; install its ROMIO component" : "")
    }
  }

  /// For example [4, 1, 4]; nil for another library.
  private static let openMPIVersion: [Int]? = {
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1) { text in
      text.initialize(repeating: 0)
      var length: Int32 = 0
      // int MPI_Get_library_version(char *version, int *resultlen); allowed before MPI_Init
      guard MPI_Get_library_version(text.baseAddress, &length) == MPI_SUCCESS else { return "" }
      return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    guard text.hasPrefix("Open MPI v") else { return nil }
    return text.dropFirst("Open MPI v".count).prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { Int($0) }
  }()

  /// The name of the ROMIO component that is installed beside the library: `romio321` of Open MPI 4.
  private static let romio: String? = {
    // Read to its end: such a file has no size, and the other ways of reading it stop after a page.
    let maps = String(decoding: FileHandle(forReadingAtPath: "/proc/self/maps")?.readDataToEndOfFile() ?? Data(), as: UTF8.self)
    guard let line = maps.split(separator: "\n").first(where: { $0.contains("/libmpi.so") }), let slash = line.firstIndex(of: "/")
    else { return nil }
    let folder = (String(line[slash...]) as NSString).deletingLastPathComponent
    func entries(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
    // Open MPI's own layout, then Debian's.
    let places = [folder, folder + "/openmpi/lib"].flatMap { place in
      entries(place).filter { $0.hasPrefix("openmpi") }.map { "\(place)/\($0)" }
    }
    let names = places.flatMap(entries).filter { $0.hasPrefix("mca_io_romio") && $0.hasSuffix(".so") }
    return names.max().map { String($0.dropFirst("mca_io_".count).dropLast(".so".count)) }
  }()
}
