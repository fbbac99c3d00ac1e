import Testing

@testable import Checks

@Suite("The grammar of json=")
struct JSONExpectationTests {
  private func key(_ name: String) -> JSONPath.Step { .key(Array(name.utf8)) }

  @Test("a path is names, numbers in brackets and quoted names in brackets")
  func paths() throws {
    let (path, rest) = try JSONPath.parse(#"a.b-c[0][12]["d.e=f"].9=x=y"#)
    #expect(
      path.steps == [key("a"), key("b-c"), .index(0), .index(12), key("d.e=f"), key("9")])
    #expect(path.description == #"a.b-c[0][12]["d.e=f"].9"#)
    #expect(rest == "x=y")
    #expect(try JSONPath.parse(#"[""]"#).0.steps == [key("")])
    #expect(try JSONPath.parse("größe=1").0.steps == [key("größe")])
  }

  @Test(
    "a value is what JSON takes it for, and otherwise a string",
    arguments: [
      ("up", .string(Array("up".utf8)), "\"up\""),
      ("\"up\"", .string(Array("up".utf8)), "\"up\""),
      ("\"true\"", .string(Array("true".utf8)), "\"true\""),
      ("\"\"", .string([]), "\"\""),
      ("True", .string(Array("True".utf8)), "\"True\""),
      ("a=b c", .string(Array("a=b c".utf8)), "\"a=b c\""),
      ("007", .string(Array("007".utf8)), "\"007\""),
      ("1.2.3", .string(Array("1.2.3".utf8)), "\"1.2.3\""),
      ("true", .boolean(true), "true"), ("false", .boolean(false), "false"),
      ("null", .null, "null"),
    ] as [(String, JSONExpectation.Value, String)])
  func values(text: String, value: JSONExpectation.Value, shown: String) throws {
    let expectation = try JSONExpectation.parse("a=\(text)")
    #expect(expectation.value == value)
    #expect(expectation.shownValue == shown)
  }

  @Test("a number is one")
  func number() throws {
    guard case .number = try JSONExpectation.parse("a=-1.5e3").value else {
      return #expect(Bool(false))
    }
  }

  @Test(
    "what is malformed is an error that says what would be right",
    arguments: [
      ("", "names no path"), ("=up", "names no path"), ("a", "expects no value"),
      ("a.b[0]", "expects no value"), ("a=", "is empty"), ("a==up", "one = stands"),
      (".a=1", "without the dot in front"), ("a..b=1", "letters, digits"),
      ("a.=1", "letters, digits"), ("$.a=1", "letters, digits"), ("a b=1", "a dot between"),
      ("a[0]b=1", "a dot between"), ("a!=1", "a dot between"), ("a/b=1", "a dot between"),
      ("a[=1", "between the brackets"), ("a[]=1", "between the brackets"),
      ("a[x]=1", "between the brackets"), ("a[-1]=1", "between the brackets"),
      ("a[0=1", "between the brackets"), ("a[1.5]=1", "between the brackets"),
      ("a[01]=1", "between the brackets"), ("a[*]=1", "between the brackets"),
      ("a[99999999999999999999]=1", "between the brackets"),
      (#"a["b]=1"#, "between the brackets"), (#"a["\ud800"]=1"#, "between the brackets"),
      (#"a="up"#, "as JSON writes it"), (#"a="up" x"#, "as JSON writes it"),
      (#"a="\ud800""#, "as JSON writes it"),
      ("a={}", "cannot be expected"), ("a=[1]", "cannot be expected"),
    ])
  func malformed(text: String, part: String) {
    let error = #expect(throws: SpecError.self) { try JSONExpectation.parse(text) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
    #expect(error?.message.contains("\n") == false)
  }

  @Test("it is read from a SPEC, as often as wanted, behind the shell's quotes")
  func spec() throws {
    let text = #"/ json=status.db=up 'json=["a b"].c="x y"' json="d[0]=true""#
    guard case .http(let spec) = try CheckSpec.parse(kind: .http, text: text).probe else { return }
    #expect(spec.json.map(\.path.description) == ["status.db", #"["a b"].c"#, "d[0]"])
    #expect(spec.json.map(\.shownValue) == [#""up""#, #""x y""#, "true"])
  }

  @Test("with HEAD there is nothing to look at")
  func head() {
    let error = #expect(throws: SpecError.self) {
      try CheckSpec.parse(kind: .http, text: "/ method=HEAD json=a=1")
    }
    #expect(
      error?.message == "--http '/ method=HEAD json=a=1': json= is of no use with method=HEAD: "
        + "such an answer has no body")
  }
}
