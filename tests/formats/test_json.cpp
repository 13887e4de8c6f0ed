// JSON and base64 as the certificate wants them: everything that a lenient parser would let through is refused.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/json.hpp"

using namespace lipcert;

namespace {

std::string failure(const std::string& text, const JsonLimits& limits = {}) {
  try {
    static_cast<void>(parse_json(text, "doc.json", limits));
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    CHECK(std::string(error.what()).rfind("doc.json: ", 0) == 0);
    return error.what();
  }
  return "";
}

bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("json: keeps values and the order of keys") {
  const std::string text = R"({"z":1,"a":[true,null,"x\u00e9\n"],"m":{"k":-9007199254740991},"":9007199254740991})";
  const Json value = parse_json(text, "doc.json");
  CHECK(value["m"]["k"].get<std::int64_t>() == -9007199254740991);
  CHECK(value["a"][2].get<std::string>() == "x\xC3\xA9\n");
  CHECK(value.begin().key() == "z");
  CHECK(write_json(value) == "{\"z\":1,\"a\":[true,null,\"x\xC3\xA9\\n\"],\"m\":{\"k\":-9007199254740991},\"\":9007199254740991}");
}

TEST_CASE("json: duplicate keys at any level") {
  CHECK(says(failure(R"({"a":1,"a":1})"), "the key 'a' twice"));
  CHECK(says(failure(R"([{"b":{"a":1,"c":2,"a":3}}])"), "the key 'a' twice"));
  CHECK(says(failure(R"({"a":1,"\u0061":2})"), "the key 'a' twice"));
  CHECK(failure(R"([{"a":1},{"a":1}])").empty());
  CHECK(failure(R"({"a":{"a":{"a":1}}})").empty());
}

TEST_CASE("json: numbers are plain integers below 2^53") {
  for (const char* text : {"1.0", "1e3", "-1.5", "1E2", "9007199254740992", "-9007199254740992", "18446744073709551615",
                           "18446744073709551616", "0.0", "-0.0"})
    CHECK(says(failure(std::string("[") + text + "]"), "write it as a string"));
  for (const char* text : {"1e400", "01", "+1", "NaN", "Infinity", "-Infinity", "-", "0x1", "1_000", ".5", "5."})
    CHECK(!failure(std::string("[") + text + "]").empty());
  for (const char* text : {"0", "1", "-1", "9007199254740991", "-9007199254740991"}) CHECK(failure(std::string("[") + text + "]").empty());
}

TEST_CASE("json: form") {
  CHECK(says(failure("\xEF\xBB\xBF{}"), "byte order mark"));
  CHECK(says(failure("{} {}"), "not valid JSON"));
  CHECK(says(failure(""), "not valid JSON"));
  CHECK(says(failure("{"), "not valid JSON"));
  CHECK(!failure("{\"a\":1,}").empty());
  CHECK(!failure("[1,]").empty());
  CHECK(!failure("{'a':1}").empty());
  CHECK(!failure("// x\n{}").empty());
  CHECK(!failure("[\"\xC0\xAF\"]").empty());      // overlong UTF-8
  CHECK(!failure("[\"\xED\xA0\x80\"]").empty());  // surrogate
  CHECK(!failure("[\"\\ud800\"]").empty());       // half a pair
  CHECK(!failure("[\"a\nb\"]").empty());          // raw control character
  CHECK(!failure(std::string("{}\0", 3)).empty());
  CHECK(!failure(std::string("{}\0{\"a\":1}", 10)).empty());
  CHECK(!failure("\xFF\xFE{\0}\0").empty());
}

TEST_CASE("json: depth and size") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(failure(nested(64)).empty());
  CHECK(says(failure(nested(65)), "nests deeper than 64"));
  CHECK(says(failure(nested(100000)), "nests deeper than 64"));
  CHECK(says(failure(std::string(1000000, '[')), "nests deeper than 64"));
  std::string objects;
  for (int k = 0; k < 65; ++k) objects += "{\"a\":";
  CHECK(says(failure(objects), "nests deeper than 64"));
  CHECK(says(failure("[1,2,3]", {.size_cap = 6, .depth = 64}), "limit of 6 bytes"));
  CHECK(failure("[1,2,3]", {.size_cap = 7, .depth = 64}).empty());
}

TEST_CASE("json: many keys are read in linear time") {
  std::string text = "{";
  for (int k = 0; k < 200000; ++k) text += (k == 0 ? "\"" : ",\"") + std::to_string(k) + "\":0";
  CHECK(parse_json(text + "}", "doc.json").size() == 200000);
}

TEST_CASE("json: what must not be written is not written") {
  CHECK_THROWS_AS(static_cast<void>(write_json(Json(1.0))), Error);
  CHECK_THROWS_AS(static_cast<void>(write_json(Json{{"a", {1, 2.5}}})), Error);
  CHECK_THROWS_AS(static_cast<void>(write_json(Json(std::int64_t{1} << 53))), Error);
  CHECK_THROWS_AS(static_cast<void>(write_json(Json("\xC0\xAF"))), Error);
}

TEST_CASE("base64: RFC 4648 vectors and every length") {
  CHECK(base64_encode("") == "");
  CHECK(base64_encode("f") == "Zg==");
  CHECK(base64_encode("fo") == "Zm8=");
  CHECK(base64_encode("foo") == "Zm9v");
  CHECK(base64_encode("foobar") == "Zm9vYmFy");
  CHECK(base64_encode("\xFB\xFF") == "+/8=");
  CHECK(base64_decode("-_8=") == "\xFB\xFF");
  std::mt19937 random(3);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() & 0xFFU);
    const std::string text = base64_encode(bytes);
    CHECK(text.size() == (length + 2) / 3 * 4);
    CHECK(base64_decode(text) == bytes);
  }
}

TEST_CASE("base64: everything else is refused") {
  for (const char* text :
       {"Zg",   "Zg=",  "Zg===", "Z",        "Z===", "====", "=",    "Zg==Zg==",     "Zm9v\n",     "Zm 9",   " Zm9v", "Zm9v ",
        "Zm9*", "Zh==", "Zm9=",  "Zm8=Zm8=", "Z=g=", "+_8=", "+/-_", "Zm9vYmFy====", "\xC3\xA9oo", "Zg==\n", "\tZg="}) {
    INFO(text);
    CHECK_THROWS_AS(static_cast<void>(base64_decode(text)), Error);
  }
  CHECK_THROWS_AS(static_cast<void>(base64_decode(std::string("Zm9\0", 4))), Error);
}
