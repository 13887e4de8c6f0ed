#include "certify/certificate/build_info.hpp"

#include <fmt/format.h>
#include <gmp.h>
#include <google/protobuf/stubs/common.h>
#include <mpfr.h>
#include <openssl/crypto.h>

#include <nlohmann/detail/abi_macros.hpp>
#include <sstream>

#include "formats/encoding/files.hpp"

extern "C" {
// OpenBLAS's own header declares these without const.
char* openblas_get_config(void);
char* openblas_get_corename(void);
}

namespace lipcert {
namespace {

constexpr std::uint64_t largest_program = std::uint64_t{1} << 30;

/// "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." -> "0.3.21".
std::string openblas_version() {
  std::istringstream words(openblas_get_config());
  std::string name;
  std::string version;
  words >> name >> version;
  return version.empty() ? "unknown" : version;
}

Generator libraries_only() {
  Generator generator;
  generator.version = LIPCERT_VERSION;
  generator.commit = LIPCERT_COMMIT;
  generator.libraries = {
      {"gmp", gmp_version},
      {"mpfr", mpfr_get_version()},
      {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"openblas", openblas_version()},
      {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION)}};
  generator.cpu_kernel = std::string("OpenBLAS ") + openblas_get_corename();
  return generator;
}

}  // namespace

Generator build_info() {
  Generator generator = libraries_only();
  generator.binary_sha256 = sha256_hex(read_file("/proc/self/exe", largest_program));
  return generator;
}

std::string version_text() {
  const Generator generator = libraries_only();
  std::string out = fmt::format("lipcert {}\ncommit {}\n", generator.version, generator.commit);
  for (const auto& [name, version] : generator.libraries) {
    out += fmt::format("{} {}\n", name, version);
  }
  return out + fmt::format("cpu kernel {}", generator.cpu_kernel);
}

}  // namespace lipcert
