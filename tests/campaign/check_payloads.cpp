// Signs payloads with a key of its own and checks them, one after the other: what the campaign of forgeries asks, thousands of times, of one process.
//
// One request a line on standard input, one answer a line on standard output:
//   {"payload":"...","model":"path","data":"path","labels":"path","records":"path"}  ->  {"outcome":0,"error":""}
// `payload` is the statement's text; data, labels and records are left out where nothing is claimed about samples. The model is read once for each path.
#include <iostream>
#include <map>
#include <string>

#include "tests/verifier/support.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/lipverify.hpp"

int main() {
  using verifier_test::Json;
  const verifier_test::Key key;
  std::map<std::string, std::string> models;
  for (std::string line; std::getline(std::cin, line);) {
    const Json asked = Json::parse(line);
    lipverify::Request request;
    request.certificate = {"certificate", verifier_test::bundle(asked.at("payload").get<std::string>(), key).dump()};
    const std::string path = asked.at("model").get<std::string>();
    if (models.count(path) == 0) models[path] = lipverify::read_file(path, std::uint64_t{1} << 30, "the model");
    request.models = {{path, models.at(path)}};
    request.public_key = {"key", key.public_pem()};
    request.time = "2027-01-01T00:00:00Z";
    request.threads = 1;
    const auto optional = [&](const char* name, std::optional<std::string>& place) {
      if (asked.contains(name)) place = asked.at(name).get<std::string>();
    };
    optional("data", request.samples.data);
    optional("labels", request.samples.labels);
    optional("records", request.samples.records);
    const lipverify::Report report = lipverify::verify(request);
    std::cout << Json{{"outcome", static_cast<int>(report.outcome)}, {"error", report.error}}.dump(-1, ' ', true, Json::error_handler_t::replace) << std::endl;
  }
  return 0;
}
