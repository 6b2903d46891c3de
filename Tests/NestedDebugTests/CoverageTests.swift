import DebugModel
import Testing

/// That the random programs meet what the comparison is about. `./stepwell prove` asks for more of it.
@Suite("The random programs meet")
struct CoverageTests {
  @Test("each thing that the comparison is about")
  func features() {
    var met = FeatureCounts()
    for number in 0..<UInt64(3000) { met.add(Trial.numbered(number).outcome().met) }
    for feature in Feature.allCases { #expect(met[feature] > 0, "\(feature)") }
  }
}
