internal import ArgumentParser
internal import Foundation

struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Build the hypervisor, without a guest.",
    discussion: """
      Prints the path of the flat image. The file begins with an arm64 Image header; `stepwell \
      image` puts a guest kernel behind it.

      EXAMPLES:
        ./stepwell build
      """)

  func run() async throws {
    print(try await Hypervisor.build().image.path)
  }
}
