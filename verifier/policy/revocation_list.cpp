// A list of revoked keys and certificates, signed so that whoever may write beside the policy cannot take a line out of it.
// formats/policy.md, section 4.
//
// Its payload type is its own: a signature under a certificate is never one under a list, nor the other way round. An older list that has
// not run out can stand in for a newer one; how long, its notAfter says.
#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/policy/reader.hpp"

namespace lipverify {

namespace {
constexpr std::uint64_t kListCap = std::uint64_t{16} << 20;
constexpr const char* kListType = "application/vnd.lipcert.revocation-list+json";
constexpr const char* kRemedy = "make the list anew as formats/policy.md says";
}  // namespace

RevocationList read_revocation_list(const Place& file, const std::vector<PolicyIssuer>& signers, const Revoked& revoked) {
  RevocationList out;
  out.name = file.text();
  out.pointer = file.pointer();
  const std::string bytes = file.file_bytes(kListCap, "the revocation list");
  try {
    const Envelope envelope = open_envelope(bytes, kListType);
    const std::string message = pre_authentication_encoding(envelope.payload, kListType);
    const PolicyIssuer* signer = nullptr;
    for (const PolicyIssuer& candidate : signers)
      if (candidate.key.verifies(message, envelope.signature)) signer = &candidate;
    if (signer == nullptr)
      file.refuse("the list is not signed by one of revocationIssuers" +
                      (envelope.key_id.empty() ? "" : "; it names the key " + printable(envelope.key_id)),
                  "get the list from whom you trust, or name its signer in revocationIssuers");
    out.signer = signer->name;
    out.fingerprint = signer->key.fingerprint();
    if (std::find(revoked.keys.begin(), revoked.keys.end(), out.fingerprint) != revoked.keys.end())
      file.refuse("the list is signed with the key " + out.fingerprint + ", which the policy itself revokes",
                  "have it signed with another key");
    out.signer_not_before = signer->not_before;
    out.signer_not_after = signer->not_after;
    const Json json = Json::parse(envelope.payload, "the revocation list");
    const Place root(json, out.name, "", "the revocation list");
    root.only({"formatVersion", "issuedAt", "notAfter", "keys", "certificates"});
    (void)root.at("formatVersion", "write \"formatVersion\": 1").count(1, 1);
    out.issued_at = root.at("issuedAt", "say when the list was made").time();
    out.not_after = root.at("notAfter", "say until when the list counts").time();
    out.revoked.keys = root.at("keys", "write [] where no key is revoked").distinct(&Place::fingerprint, true);
    out.revoked.certificates = root.at("certificates", "write [] where no certificate is revoked").distinct(&Place::sha256, true);
  } catch (const Failure& failure) {
    if (failure.outcome() != Outcome::rejected) throw;
    file.refuse(std::string("the revocation list cannot be used: ") + failure.what(), kRemedy);
  }
  return out;
}

}  // namespace lipverify
