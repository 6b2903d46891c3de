internal import ArmDebug
internal import RemoteProtocol

/// What the link core asks of another core's ``VCPUView`` while both stand still.
///
/// The value belongs to whom ``CoreWord/request`` says: to the link core while it is `nothing`, to the vCPU's core
/// while it is `taken`; while it is `asked` to whichever of the two changes the word first. So a request that its
/// core does not take in time can be taken back, and is then not done later, when the guest runs again.
struct ViewRequest {
  enum Kind {
    case read(RegisterNumber)
    case write(RegisterNumber, RegisterValue)
    /// Stage 1 of a virtual address.
    case translate(UInt64)
    /// The register of a device at a physical address; 1, 2, 4 or 8 bytes.
    case readDevice(PhysicalAddress, size: Int)
    case writeDevice(PhysicalAddress, size: Int, value: UInt64)
  }

  /// What has come of it.
  enum Outcome {
    case value(RegisterValue)
    /// nil if the walk was aborted.
    case translated(TranslationResult?)
    /// It is done.
    case done
    /// It cannot be done.
    case impossible
  }

  var kind: Kind
  var outcome = Outcome.impossible

  /// Does it on the vCPU's core, which executes this.
  mutating func perform<Machine: Platform>(_ view: consuming VCPUView<Machine>) {
    switch kind {
    case .read(let register):
      guard let value = view.read(register) else { break }
      outcome = .value(value)
    case .write(let register, let value):
      if view.write(register, value) { outcome = .done }
    case .translate(let address): outcome = .translated(view.translate(address))
    case .readDevice(let physical, let size):
      guard let value = view.accessDevice(physical, size: size, writing: nil) else { break }
      outcome = .value(RegisterValue(low: value))
    case .writeDevice(let physical, let size, let value):
      if view.accessDevice(physical, size: size, writing: value) != nil { outcome = .done }
    }
  }

  /// Does what is asked of `vcpu`, whose core executes this, if anything is.
  static func answer<Machine: Platform>(_ vcpu: Fixed<VCPU>, on cores: Machine) {
    let core = vcpu.value.index
    guard cores.load(.request, of: core) == CoreWord.Asked.asked.rawValue,
      cores.compareExchange(
        .request, of: core, from: CoreWord.Asked.asked.rawValue,
        to: CoreWord.Asked.taken.rawValue)
    else { return }
    vcpu.value.request.perform(VCPUView(vcpu, on: cores))
    cores.store(.request, of: core, CoreWord.Asked.nothing.rawValue)
  }
}

extension Standstill {
  /// Has `kind` done by the core of `vcpu`, which stands still. The link core asks.
  ///
  /// - Throws: `noAnswer` if the core has not answered within a quarter of a second, whether or not it does so
  ///   later: what it is still at is finished before it is asked anything else.
  func perform(_ kind: ViewRequest.Kind, on vcpu: Int) throws(AccessError) -> ViewRequest.Outcome {
    let state = cores.vcpu(vcpu)
    guard vcpu != cores.current else {
      var request = ViewRequest(kind: kind)
      request.perform(VCPUView(state, on: cores))
      return request.outcome
    }
    // A core that has not come up yet has no registers to show.
    guard cores.load(.isAlive, of: vcpu) != 0 else { return .impossible }
    let start = cores.counter
    // What the core did not finish in time last time it was asked.
    guard finishes(vcpu, since: start) else { throw .noAnswer }
    state.value.request = ViewRequest(kind: kind)
    cores.store(.request, of: vcpu, CoreWord.Asked.asked.rawValue)
    kick(vcpu)
    if finishes(vcpu, since: start) { return state.value.request.outcome }
    // mutant: takesBack
    _ = cores.compareExchange(
      .request, of: vcpu, from: CoreWord.Asked.asked.rawValue,
      to: CoreWord.Asked.nothing.rawValue)
    throw .noAnswer
  }

  /// Waits until nothing is asked of the core of `vcpu`, and says whether it came to that in time.
  ///
  /// By polling: a WFE ends by the event of the other core alone, and there may be none.
  private func finishes(_ vcpu: Int, since start: UInt64) -> Bool {
    let limit = cores.counterFrequency / 4
    while cores.load(.request, of: vcpu) != CoreWord.Asked.nothing.rawValue {
      guard cores.counter &- start < limit else { return false }
      cores.yield()
    }
    return true
  }
}
