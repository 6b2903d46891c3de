internal import Foundation

/// The program at EL2 in place of Stepwell where a guest runs bare on the same machine. It sets the EL2
/// controls that Stepwell sets in native mode, answers HVC and SMC as Stepwell does, and enters the payload
/// behind it at EL1 (`Guests/shim/start.S`).
struct Shim {
  /// The shim without a payload. ``BootImage`` puts a payload behind it as behind the hypervisor.
  let image: URL

  /// Assembles and links the shim with the clang and the lld of the Swift toolchain.
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
