extension DeviceTree {
  /// Whether there is a trusted OS that the operating system calls by SMC: OP-TEE (Linux's
  /// `linaro,optee-tz.yaml`), Trusty, or the trusted OS of Qualcomm behind its secure channel manager
  /// (`qcom,scm.yaml`).
  public var hasTrustedOS: Bool {
    let models: InlineArray<3, Text> = ["linaro,optee-tz", "android,trusty-smc-v1", "qcom,scm"]
    for index in models.indices {
      var nodes = enabledNodes(compatibleWith: models[index])
      if nodes.next() != nil { return true }
    }
    return false
  }
}
