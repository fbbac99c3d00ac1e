import Checks

/// Names for checks: those that were given as they are, derived ones made unique.
enum CheckNames {
  /// Two checks of one derived name are told apart by a number: "http /", "http / #2". A name that
  /// was given stays as it is, so that giving one twice stays an error.
  static func unique(_ specs: [CheckSpec]) -> [String] {
    var taken = Set(specs.compactMap(\.name))
    return specs.map { spec in
      if let name = spec.name { return name }
      var name = spec.derivedName
      var number = 1
      while !taken.insert(name).inserted {
        number += 1
        name = "\(spec.derivedName) #\(number)"
      }
      return name
    }
  }
}
