// A shard of samples. Most inputs have a wrong digest, so each is tried again with the digest that its content has.
#include "certify/certificate/shard.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "tests/fuzz/support.hpp"

namespace {

void read(const std::string& text) {
  static fuzz::MemoryFile file;
  file.write(text);
  try {
    const lipcert::Shard shard = lipcert::read_shard(file.path());
    if (lipcert::write_shard(shard) != text) fuzz::broken("a shard is read that is not written so");
  } catch (const lipcert::Error& error) {
    if (error.code() != lipcert::ExitCode::input) fuzz::broken(std::string("a shard is refused with another exit code than 3: ") + error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::text_of(data, size);
  read(text);
  lipcert::Json json = lipcert::Json::parse(text, nullptr, false);
  if (json.is_object() && json.size() < 20 && text.size() < 100000) {
    json.erase("sha256");
    try {
      json["sha256"] = lipcert::sha256_hex(lipcert::write_json(json));
      read(lipcert::write_json(json));
    } catch (const lipcert::Json::exception&) {  // text that is not UTF-8 cannot be written
    } catch (const lipcert::Error&) {
    }
  }
  return 0;
}
