internal import ArmDebug
internal import EL2Support

/// The translation of the guest on this core, both stages.
enum GuestTranslation {
  /// What an access to `address` from EL0 or EL1 finds. The guest's own PAR_EL1, which it may be about
  /// to read, is put back.
  static func result(
    of address: UInt64, from el: ExceptionLevel = .el1, isStore: Bool = false
  ) -> TranslationResult {
    let saved = el2_read_par_el1()
    let par =
      switch (el, isStore) {
      case (.el0, false): el2_translate_s12e0r(address)
      case (.el0, true): el2_translate_s12e0w(address)
      case (_, false): el2_translate_s12e1r(address)
      case (_, true): el2_translate_s12e1w(address)
      }
    el2_write_par_el1(saved)
    return TranslationResult(par: par)
  }
}
