import Testing

@testable import stepwell

@Suite struct `The private apt` {
  let machine = """
    APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb || true";
    Acquire::http::Proxy "http://proxy.example:3128";
    Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
    DPkg::Pre-Install-Pkgs:: "/usr/sbin/dpkg-preconfigure --apt || true";
    Dir::Cache "var/cache/apt";
    """

  @Test func `reaches the sources as the machine does, and runs none of its hooks`() {
    let configuration = PrivateApt.configuration(folder: "/clone/.cache/apt", machine: machine)
    let taken = configuration.split(separator: "\n").filter { machine.contains($0) }
    #expect(taken == [#"Acquire::http::Proxy "http://proxy.example:3128";"#])
  }

  @Test func `is an arm64 machine whose folders are the clone's`() {
    let configuration = PrivateApt.configuration(folder: "/clone/.cache/apt", machine: machine)
    #expect(configuration.contains(#"APT::Architecture "arm64";"#))
    for folder in ["State", "State::status", "Cache", "Etc::parts"] {
      #expect(configuration.contains(#"Dir::\#(folder) "/clone/.cache/apt/"#))
    }
  }

  @Test func `finds what a metapackage stands for`() {
    let description = """
      Package: linux-image-cloud-arm64
      Version: 6.1.192-2
      Depends: linux-image-6.1.0-56-cloud-arm64 (= 6.1.192-2), linux-base (>= 4.3)
      Description-en: Linux for arm64 cloud
      """
    #expect(
      PrivateApt.dependencies(inDescription: description)
        == ["linux-image-6.1.0-56-cloud-arm64", "linux-base"])
    #expect(PrivateApt.dependencies(inDescription: "Package: x\n").isEmpty)
  }
}
