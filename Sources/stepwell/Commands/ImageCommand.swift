internal import ArgumentParser
internal import Foundation

struct ImageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image",
    abstract: "Make one bootable file of hypervisor and guest kernel.",
    discussion: """
      The result is an arm64 Image itself: QEMU's -kernel, U-Boot's booti and board firmware start \
      it at EL2. Initial file system, command line and device tree come from the loader, as for \
      the kernel alone.

      EXAMPLES:
        ./stepwell image --kernel arch/arm64/boot/Image --output stepwell.image
        ./stepwell image --kernel Image --output held.image --wait
        ./stepwell image --kernel program.elf --output program.image
      """)

  @Option(
    help: ArgumentHelp(
      "The guest: an arm64 Image, plain or packed with gzip; an ELF file; or, with --at, a raw binary.",
      valueName: "file"))
  var kernel: String

  @Option(
    help: ArgumentHelp(
      "The physical address where a raw binary lies and is entered.", valueName: "address"))
  var at: Address?

  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Flag(help: "Hold the guest before its first instruction until a debugger continues it.")
  var wait = false

  func run() async throws {
    let kernel = try Kernel(file: kernel, at: at)
    let image = try await kernel.bootImage(holdsGuest: wait)
    do {
      try image.write(to: URL(filePath: output))
    } catch {
      throw Failure(
        "\(output) cannot be written; check that its folder is there and lets this user write.")
    }
  }
}
