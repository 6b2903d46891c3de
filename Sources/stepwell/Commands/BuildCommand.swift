internal import ArgumentParser
internal import Foundation

struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Build the hypervisor, without a guest.",
    discussion: """
      Prints where its flat image is. The file begins with an arm64 Image header; `stepwell image` \
      puts a guest kernel behind it.
      """)

  func run() async throws {
    print(try await Hypervisor.build().image.path)
  }
}
