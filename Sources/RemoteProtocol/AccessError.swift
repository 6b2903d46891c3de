/// Why a target has not read or written what it was asked to.
public enum AccessError: Error, Equatable, Sendable {
  /// There is no such register or memory, or it does not take that value.
  case impossible
  /// The physical core of that vCPU, which alone can do it, does not answer. It may do so later.
  case noAnswer
}

extension AccessError {
  /// As the debugger is told, `otherwise` being the reason where it is the request's own.
  func error(otherwise error: RemoteError) -> RemoteError {
    self == .noAnswer ? .coreDoesNotAnswer : error
  }
}
