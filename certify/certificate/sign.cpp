// DSSE (github.com/secure-systems-lab/dsse, protocol.md) in a Sigstore bundle version 0.3 in public-key mode: what OpenSSF Model Signing,
// cosign and sigstore clients read. The JSON is written by hand because every string in it is base64, hexadecimal or a constant.

#include "certify/certificate/sign.hpp"

#include "formats/encoding/base64.hpp"

namespace lipcert {

std::string pre_authentication_encoding(std::string_view payload) {
  std::string out = "DSSEv1 " + std::to_string(payload_type.size()) + " ";
  out.append(payload_type).append(" " + std::to_string(payload.size()) + " ").append(payload);
  return out;
}

std::string sign_bundle(std::string_view payload, const SigningKey& key) {
  const std::string signature = key.sign(pre_authentication_encoding(payload));
  return R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":")" + key.hint() +
         R"("},"tlogEntries":[]},"dsseEnvelope":{"payload":")" + base64_encode(std::string(payload)) + R"(","payloadType":")" +
         std::string(payload_type) + R"(","signatures":[{"keyid":")" + key.fingerprint() + R"(","sig":")" + base64_encode(signature) +
         "\"}]}}\n";
}

}  // namespace lipcert
