// Policies are read strictly: the examples of tests/vectors/policies, of which check_policy_schema.py asks the schema; what a schema cannot
// say; files beside a policy; the words of `explain`.
#include <filesystem>

#include "tests/gate/support.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/policy/reader.hpp"

using namespace lipverify;
using namespace gate_test;
using verifier_test::Folder;
using verifier_test::Key;

TEST_CASE("the reader takes and refuses the examples as they say, with pointer and remedy") {
  const Tree policy = vectors("policy.json");
  CHECK(refusal({"gate.json", policy.dump()}) == "");
  const Tree edits = vectors("edits.json");
  std::size_t refused = 0;
  for (const Tree& edit : edits) {
    Tree changed = policy;
    const std::string path = "/" + edit.at("path").get<std::string>();
    const Tree::json_pointer pointer(path);
    if (edit.value("remove", false))
      changed.at(pointer.parent_pointer()).erase(pointer.back());
    else if (changed.at(pointer.parent_pointer()).is_array() && std::stoul(pointer.back()) == changed.at(pointer.parent_pointer()).size())
      changed.at(pointer.parent_pointer()).push_back(edit.at("value"));
    else
      changed[pointer] = edit.at("value");
    const std::string sentence = refusal({"gate.json", changed.dump()});
    INFO(edit.dump(), " -> ", sentence);
    CHECK(sentence.empty() == edit.at("reader").get<bool>());
    if (sentence.empty()) continue;
    ++refused;
    CHECK(has(sentence, "the policy 'gate.json', "));
    CHECK(has(sentence, edit.at("says").get<std::string>()));
    CHECK(has(sentence, "; "));  // a remedy
  }
  CHECK(refused > 90);
}

TEST_CASE("what JSON readers forgive is refused") {
  const std::string good = policy_of(Key()).dump();
  REQUIRE(refusal({"gate.json", good}) == "");
  const auto with = [&](const std::string& member) { return good.substr(0, good.size() - 1) + "," + member + "}"; };
  CHECK(refusal({"gate.json", with(R"("threshold":1)")}) == "");
  CHECK(has(refusal({"gate.json", with(R"("threshold":1,"threshold":1)")}),
            "the key 'threshold' twice in one object; a policy is strict JSON"));
  CHECK(has(refusal({"gate.json", with(R"("threshold":1.0)")}), "has the number 1.0"));
  CHECK(has(refusal({"gate.json", with(R"("threshold":1 /* one */)")}), "no comments"));
  CHECK(has(refusal({"gate.json", "\xEF\xBB\xBF" + good}), "byte order mark"));
  CHECK(has(refusal({"gate.json", "[]"}), "the whole document: this is not an object"));
  CHECK(has(refusal({"gate.json", good + std::string(1U << 20U, ' ')}), "has more than 1048576 bytes"));
  CHECK(has(refusal({"gate.json", with(R"("a~b/\nc":1)")}), "/a~0b~1?c: 'a~b/?c' is no key"));
  CHECK(has(refusal(Document("no such policy.json")), "cannot open the policy 'no such policy.json'"));
}

TEST_CASE("files of a policy lie beside it or below it") {
  const Folder folder;
  const Key key;
  std::filesystem::create_directory(folder.path("keys"));
  (void)folder.write("keys/team.pem", key.public_pem());
  (void)folder.write("secret.pem", key.private_pem());
  const auto refused = [&](const std::string& path) {
    Tree policy = policy_of(key);
    policy["issuers"][0].erase("publicKey");
    policy["issuers"][0]["publicKeyFile"] = path;
    return refusal(Document(folder.write("gate.json", policy.dump())));
  };
  CHECK(refused("keys/team.pem") == "");
  for (const std::string& outside :
       {folder.path("keys/team.pem"),
        std::string("../") + std::filesystem::path(folder.path("x")).parent_path().filename().string() + "/keys/team.pem",
        std::string("keys/../keys/team.pem"), std::string("keys//team.pem"), std::string("..")})
    CHECK(has(refused(outside), "does not name a file in the policy's folder or below it"));
  CHECK(has(refused("keys/other.pem"), "/issuers/0/publicKeyFile: cannot open the public key"));
  CHECK(has(refused("secret.pem"), "holds a private key"));
}

TEST_CASE("the nearest known word") {
  const std::vector<std::string> known = {"maximumAge", "models", "lipschitz", "input"};
  CHECK(nearest("maximum_age", known) == "maximumAge");
  CHECK(nearest("model", known) == "models");
  CHECK(nearest("lispchitz", known) == "lipschitz");
  CHECK(nearest("Input", known) == "input");
  CHECK(nearest("colour", known) == "");
  CHECK(nearest(std::string(100000, 'x'), known) == "");
}

TEST_CASE("versions are compared number by number") {
  CHECK(*version_parts("1.10") > *version_parts("1.9"));
  CHECK(*version_parts("1") == *version_parts("1.0.0.0"));
  CHECK_FALSE(version_parts("1.0-rc1"));
  CHECK_FALSE(version_parts(""));
}

TEST_CASE("explain says every demand with its pointer, and every default") {
  const Tree whole = vectors("policy.json");
  const std::string text = explain(read(whole));
  for (const char* part : {"/issuers: ",
                           "/issuers/0)",
                           "/threshold: 1 of 1",
                           "/predicateTypes: ",
                           "/models: The model has one of",
                           "/maximumAge: It was issued at most 90 days",
                           "/minimumToolVersion: It was made with version 0.1.0",
                           "/recheck: ",
                           "at least 100 drawn at random",
                           "/arithmetic: ",
                           "/input: The model's input is 'input' and has the shape 1 x 1 x 28 x 28",
                           "/lipschitz/0/max: It proves L <= 1 ",
                           "/lipschitz/1/max: It proves the largest L_ij <= 1.5",
                           "/lipschitz/2/max: It proves L_0,1 <= 3/2",
                           "/certifiedAccuracy/0: ",
                           "of at least 1000 samples",
                           "/requirements/0: It names the requirement 'REQ-7'",
                           "/revoked/keys: ",
                           "/revoked/certificates: ",
                           "5 ('accepted in part')"}) {
    INFO(part);
    CHECK(has(text, part));
  }
  const std::string defaults = explain(read(policy_of(Key())));
  for (const char* part :
       {"counts from always (default) without end (default)", "/threshold: 1 of 1 issuer has to sign the same payload (default)",
        "/predicateTypes: Any kind", "/models: The model is the file that is given", "/maximumAge: Any age passes",
        "/minimumToolVersion: Any version", "(\"all\", the default)",
        "/arithmetic: Its claims are about one of these kinds of arithmetic: real", "/input: Any name", "/lipschitz: No Lipschitz",
        "/certifiedAccuracy: No certified", "/requirements: No requirement", "/revoked: The policy itself revokes nothing",
        "/revocationList: There is no list"}) {
    INFO(part);
    CHECK(has(defaults, part));
  }
  CHECK_FALSE(has(defaults, "5 ('accepted in part')"));
  // What an issuer could choose freely is said too, and no name can forge a line.
  Tree loose = policy_of(Key());
  loose["certifiedAccuracy"] = Tree::array({{{"epsilon", "1"}, {"unit", "graph input"}, {"min", "1/2"}}});
  loose["description"] = "two\n99. /issuers: anybody";
  const std::string said = explain(read(loose));
  for (const char* part : {"pin them with datasetSha256", "pin it with labelsSha256", "pin it with scale", "pin it with minSamples"})
    CHECK(has(said, part));
  CHECK_FALSE(has(said, "\n99."));
}
