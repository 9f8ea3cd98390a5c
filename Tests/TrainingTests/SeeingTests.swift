// What people see of a run that was killed twice and went on: event files for TensorBoard, progress.png, the page in a browser, the view of a
// terminal, the lines of the console.

import Files
import Foundation
import Reports
import TestSupport
import Testing
import Training

@Suite(.serialized, .sharedFolder(SeenRun.train)) struct SeeingTests {
  let folder = TemporaryFolder()
  var run: String { SharedFolder.path + "/run" }

  /// The records of the run's own event files, in the order in which TensorBoard reads them.
  func records() throws -> [ArraySlice<UInt8>] {
    let place = run + "/tensorboard", names = try FileManager.default.contentsOfDirectory(atPath: place).sorted()
    return try names.filter { $0.hasSuffix(".cohort") }.flatMap { name in
      var rest = try readAll("\(place)/\(name)")[...], records: [ArraySlice<UInt8>] = []
      while !rest.isEmpty {
        let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }, record = rest.dropFirst(12).prefix(length)
        try #require(RecordFile.frame(Array(record)) == Array(rest.prefix(length + 16)), "\(name): a frame with its checksums")
        records.append(record)
        rest = rest.dropFirst(length + 16)
      }
      return records
    }
  }

  /// Steps of this run are below 128, one byte after the time and its own field number.
  func steps(of tag: String) throws -> [Int] {
    try records().filter { $0.firstRange(of: Array(tag.utf8)) != nil }.map { Int($0[$0.startIndex + 10]) }
  }

  @Test func everyStepIsInTheEventFilesOnce() throws {
    #expect(try steps(of: "train_loss/crossEntropy") == Array(1...12))
    #expect(try steps(of: "mean_fg_dice") == [4, 8, 12])
    #expect(try steps(of: "weights/student") == [4, 8, 12] && steps(of: "validation/best") == [4, 8, 12])
    #expect(try steps(of: "brain.Event:2") == [0, 0, 0], "three attempts, a file each")
  }

  @Test func eventFilesOfOthersAreNamedAndLeftAlone() throws {
    let output = try String(contentsOfFile: SharedFolder.path + "/output-3", encoding: .utf8),
      name = "events.out.tfevents.1.other"
    #expect(output.contains("\(run)/tensorboard/\(name) is an event file of another run"), "\(output)")
    #expect(try readAll("\(run)/tensorboard/\(name)") == Array("not ours".utf8))
    let first = try String(contentsOfFile: SharedFolder.path + "/output-2", encoding: .utf8)
    #expect(!first.contains("event file"), "the run's own files are no others'")
  }

  @Test func linesOfTheConsoleAreShort() throws {
    for attempt in 1...3 {
      let output = try String(contentsOfFile: "\(SharedFolder.path)/output-\(attempt)", encoding: .utf8)
      for line in output.split(separator: "\n") where !line.contains(SharedFolder.path) { #expect(line.count < 100, "\(line)") }
      #expect(output.contains("samples/s"))
    }
  }

  @Test func theFolderHasAPictureAndTheCases() throws {
    #expect(isOwnPicture(run + "/progress.png"))
    let table = try JSONDecoder().decode(CaseTable.self, from: Data(try readAll(run + "/validation.json")))
    #expect(table.step == 12 && table.isHeldOut && table.structures == ["bright", "dim"] && table.cases.count == 1)
    #expect(table.pictures.map(\.role) == ["best"] && table.pictures[0].slices > 1)
    #expect(table.pictures[0].stripHeight == table.pictures[0].slices * table.pictures[0].overviewHeight)
  }

  @Test func aTerminalShowsTheRun() throws {
    let (status, output) = try runAlone(["watch", run, "--once"], executable: "cohort")
    #expect(status == 0 && output.contains("step     12 of 12") && output.contains("ended with code 0"), "\(output)")
    #expect(
      output.contains("█") && output.contains("newest: bright") && output.contains("is an event file of"), "\(output)")
    #expect(output.split(separator: "\n").allSatisfy { $0.count < 80 }, "\(output)")
    let missing = try runAlone(["watch", folder.path + "/none"], executable: "cohort")
    #expect(missing.status == 3 && missing.output.contains("Name the run folder of `cohort train`."), "\(missing.output)")
  }

  @Test func thePageNeedsNothingElse() throws {
    let page = folder.path + "/run.html"
    _ = try writeRunPage(run: run, to: page)
    let text = try readText(page)
    #expect(
      text.contains("Weights of the losses") && text.contains("<b>best</b>") && text.contains("<td class=\"name\">case-b</td>"))
    let addresses = text.matches(of: /(?:src|href)="|url\((?!data:)/)
    #expect(addresses.isEmpty, "it loads nothing")
    try Data("damage".utf8).write(to: URL(fileURLWithPath: folder.path + "/other.html"))
    #expect(throws: FileError.self) { try writeRunPage(run: run, to: folder.path + "/other.html") }
  }

  @Test(.enabled(if: Browser.path != nil, "no Chromium is installed: apt-get install chromium, or name one by COHORT_BROWSER"))
  func aBrowserOpensThePageAndMovesTheSlider() throws {
    let page = folder.path + "/run.html"
    _ = try writeRunPage(run: run, to: page)
    let probe = """
      <script>
      const figure = document.querySelector("figure.case"), slider = figure.querySelector("input"), picture = new Image();
      slider.value = slider.max;
      slider.dispatchEvent(new Event("input"));
      const slices = figure.querySelector(".slices"), title = figure.querySelector("output").textContent;
      picture.onload = () => {
        document.body.dataset.probe = [title, slices.style.backgroundPositionY, picture.naturalWidth > 0, slices.clientHeight > 0,
          document.querySelectorAll("svg").length > 4].join("; ");
      };
      picture.src = slices.style.backgroundImage.slice(5, -2);
      </script>
      """
    try (readText(page) + probe).write(toFile: page, atomically: false, encoding: .utf8)
    let output = try Browser.contents(of: page, scratch: folder.path)
    #expect(output.firstMatch(of: /data-probe="(\d+) of \1; 100%; true; true; true"/) != nil, "\(output.suffix(2000))")
  }
}

/// A run of twelve steps, killed at the beginning of steps 7 and 10, with a checkpoint after each fourth.
private enum SeenRun {
  static func train(in folder: String) throws {
    try TinyCohort.write(to: folder + "/packs")
    let file = folder + "/run.yaml", run = folder + "/run"
    try TinyCohort.runFile(data: folder + "/packs", output: run, method: "mean-teacher").write(
      toFile: file, atomically: false, encoding: .utf8)
    for (number, step) in [7, 10, nil].enumerated() {
      if number == 2 {
        try "not ours".write(toFile: run + "/tensorboard/events.out.tfevents.1.other", atomically: false, encoding: .utf8)
      }
      let (status, output) = try runAlone(
        ["train", file, "steps=12", "lanes=1", "validation.every=4", "validation.cases=[case-b]", "checkpoint.every=4"],
        timeout: 120,
        environment: step.map { ["COHORT_FAULT": "kill:rank=0,step=\($0)"] } ?? [:], executable: "cohort")
      try #require((status == 0) == (step == nil), "\(output)")
      try output.write(toFile: "\(folder)/output-\(number + 1)", atomically: false, encoding: .utf8)
    }
  }
}

/// A browser that prints what it made of a page.
private enum Browser {
  static let path =
    ProcessInfo.processInfo.environment["COHORT_BROWSER"]
    ?? ["chromium", "chromium-browser", "google-chrome"].map { "/usr/bin/\($0)" }.first(
      where: FileManager.default.isExecutableFile)

  /// The document after its scripts have run.
  static func contents(of page: String, scratch: String) throws -> String {
    let process = Process(), output = scratch + "/dom.html", browser = try #require(path)
    try #require(
      FileManager.default.isExecutableFile(atPath: browser),
      "\(browser) cannot be started: let COHORT_BROWSER be the path of a Chromium, or unset it.")
    process.executableURL = URL(fileURLWithPath: browser)
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=\(scratch)/profile",
      "--virtual-time-budget=2000", "--dump-dom", "file://\(page)",
    ]
    _ = FileManager.default.createFile(atPath: output, contents: nil)
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return try String(contentsOfFile: output, encoding: .utf8)
  }
}
