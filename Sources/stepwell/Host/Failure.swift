/// The reason why a command cannot go on, in one sentence for the person who gave the command: what is
/// wrong, where, and what to do about it.
struct Failure: Error, CustomStringConvertible, Equatable {
  let description: String

  init(_ sentence: String) {
    description = sentence
  }
}
