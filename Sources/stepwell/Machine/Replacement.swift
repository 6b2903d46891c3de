internal import Foundation
internal import Glibc

/// A file without a name. It lasts as long as the process that holds it, and the programs that this process
/// becomes.
struct NamelessFile {
  /// A path that opens it.
  let path: String

  init(_ contents: Data) throws {
    let files = FileManager.default
    try files.createDirectory(at: Project.products, withIntermediateDirectories: true)
    let name = Project.products.appending(path: "image-\(getpid())")
    try contents.write(to: name)
    defer { try? files.removeItem(at: name) }
    // Without O_CLOEXEC: the program that replaces this one uses the file. The path is a C string only for
    // the call.
    let descriptor = unsafe open(name.path, O_RDONLY)
    guard descriptor >= 0 else { throw Failure("\(name.path) cannot be read back.") }
    path = "/proc/self/fd/\(descriptor)"
  }
}

/// Becomes another program. That program has the terminal, the signals and the exit code; nothing of this
/// command is left.
///
/// - Parameter path: the program's file.
/// - Throws: `Failure` if it cannot be started.
func become(_ path: String, _ arguments: [String]) throws -> Never {
  Interruption.restoreDefaultActions()
  var none = sigset_t()
  // The threads that Swift's tasks run on block signals, and a mask outlives execv.
  unsafe sigemptyset(&none)
  unsafe pthread_sigmask(SIG_SETMASK, &none, nil)

  // execv wants C strings with a null pointer behind the last; they live until it has replaced them.
  var strings = unsafe ([path] + arguments).map { unsafe strdup($0) }
  unsafe strings.append(nil)
  unsafe execv(path, strings)
  throw Failure("\(path) cannot be started: \(unsafe String(cString: strerror(errno))).")
}
