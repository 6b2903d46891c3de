internal import Foundation

/// The program at EL2 that stands in Stepwell's place where a guest is to run bare on the same machine:
/// it sets the EL2 controls that Stepwell gives a guest in native mode, answers HVC and SMC as Stepwell
/// does, and enters the payload behind it at EL1 (`Guests/shim/start.S`).
struct Shim {
  /// Without a payload. ``BootImage`` puts one behind it as behind the hypervisor.
  let image: URL

  /// Assembles and links it with the Swift toolchain's own clang and lld.
  static func build() async throws -> Shim {
    Shim(image: try await BareProgram.build("shim").image)
  }

  /// One bootable file of the shim and a payload.
  ///
  /// - Parameters:
  ///   - payload: the contents of an arm64 Image.
  ///   - name: its file name, for errors.
  func bootImage(of payload: Data, named name: String) throws -> Data {
    try BootImage.compose(
      hypervisor: Data(contentsOf: image), kernel: payload, named: name, holdsGuest: false)
  }
}
