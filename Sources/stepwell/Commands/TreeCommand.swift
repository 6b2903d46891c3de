internal import ArgumentParser
internal import Foundation

struct TreeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tree",
    abstract: "Say what a board's device tree has for Stepwell, without the board.",
    discussion: """
      Reads device tree blobs as the hypervisor does at its start, with the same code, and says \
      whether a guest would start, what would be its interrupt controller, console and debug link, \
      how many CPUs there are and how they are started, and what is missing. Several files make a \
      table with a line for each, and the counts. What only the board can say, such as the features \
      of its CPU, counts as right. With one file that would not start, the command exits with 1.

      EXAMPLES:
        ./stepwell tree bcm2711-rpi-4-b.dtb
        ./stepwell tree /usr/lib/linux-image-*/rockchip/*.dtb
        ./stepwell tree --debian
      """)

  @Argument(help: ArgumentHelp("Device tree blobs.", valueName: "file.dtb"))
  var files: [String] = []

  @Flag(help: "All trees of Debian's arm64 kernel package, which is fetched into the cache.")
  var debian = false

  @Flag(help: "With --debian: write the counts into docs/machines.md.")
  var document = false

  func validate() throws {
    guard debian != !files.isEmpty else {
      throw ValidationError("Give one or more device trees, or --debian.")
    }
    guard debian || !document else {
      throw ValidationError("--document: the counts are those of Debian's trees; give --debian.")
    }
  }

  func run() async throws {
    let reports: [TreeReport]
    if debian {
      let trees = try await KernelTrees.prepare()
      reports = try trees.files.map { name in
        TreeReport(
          name: name, contents: try Data(contentsOf: trees.folder.appending(path: name)))
      }
    } else {
      reports = try files.map {
        TreeReport(name: $0, contents: try readFile($0, as: "device tree"))
      }
    }
    if reports.count == 1 {
      print(reports[0].text, terminator: "")
      if !reports[0].starts { throw ExitCode.failure }
      return
    }
    print(TreeTable(reports: reports).text, terminator: "")
    if document { try write(TreeTable(reports: reports)) }
  }

  private func write(_ table: TreeTable) throws {
    let file = Project.root.appending(path: "docs/machines.md")
    do {
      let text = try String(contentsOf: file, encoding: .utf8)
      try Data(Self.part.replacing(text, with: table.markdown).utf8).write(to: file)
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure("\(file.path) cannot be written: \(error.localizedDescription)")
    }
  }

  /// The part of docs/machines.md that this command writes.
  static let part = GeneratedPart(command: "tree --debian --document")
}
