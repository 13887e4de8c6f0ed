// See envelope.hpp.
#include "verifier/envelope/envelope.hpp"

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/base/json.hpp"

namespace lipverify {

namespace {

constexpr const char* kMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Members that nobody signed and nobody reads: said, not refused.
void warn_about_others(const Json& object, const std::string& place, const std::vector<std::string>& known, Envelope& envelope) {
  for (const auto& [name, value] : object.object(place)) {
    bool found = false;
    for (const std::string& k : known) found = found || k == name;
    if (!found) envelope.warnings.push_back(place + " has an unknown member '" + printable(name) + "', which is not checked");
  }
}

}  // namespace

Envelope open_envelope(const std::string& bundle, const std::string& payload_type) {
  Envelope envelope;
  const Json root = Json::parse(bundle, "the certificate file");
  if (root.member("mediaType", "bundle").text("bundle.mediaType") != kMediaType)
    reject(std::string("bundle.mediaType is not ") + kMediaType);
  warn_about_others(root, "bundle", {"mediaType", "verificationMaterial", "dsseEnvelope"}, envelope);

  const Json& material = root.member("verificationMaterial", "bundle");
  const std::string key_place = "bundle.verificationMaterial.publicKey";
  if (const Json* hint = material.member("publicKey", "bundle.verificationMaterial").find("hint", key_place)) envelope.hint = hint->text(key_place + ".hint");
  warn_about_others(material, "bundle.verificationMaterial", {"publicKey", "tlogEntries"}, envelope);
  if (const Json* log = material.find("tlogEntries", "bundle.verificationMaterial"))
    if (!log->array("bundle.verificationMaterial.tlogEntries").empty())
      envelope.warnings.emplace_back("the bundle has transparency log entries, which are not checked");

  const Json& dsse = root.member("dsseEnvelope", "bundle");
  warn_about_others(dsse, "bundle.dsseEnvelope", {"payload", "payloadType", "signatures"}, envelope);
  const std::string& type = dsse.member("payloadType", "bundle.dsseEnvelope").text("bundle.dsseEnvelope.payloadType");
  if (type != payload_type) reject("the payload type is '" + printable(type) + "', not " + payload_type);
  envelope.payload_type = payload_type;
  envelope.payload = base64_decode(dsse.member("payload", "bundle.dsseEnvelope").text("bundle.dsseEnvelope.payload"), "the payload");
  const std::vector<Json>& signatures = dsse.member("signatures", "bundle.dsseEnvelope").array("bundle.dsseEnvelope.signatures");
  if (signatures.size() != 1) reject("the bundle has " + std::to_string(signatures.size()) + " signatures; exactly one is wanted");
  const std::string place = "bundle.dsseEnvelope.signatures[0]";
  warn_about_others(signatures[0], place, {"keyid", "sig"}, envelope);
  if (const Json* key_id = signatures[0].find("keyid", place)) envelope.key_id = key_id->text(place + ".keyid");
  envelope.signature = base64_decode(signatures[0].member("sig", place).text(place + ".sig"), "the signature");
  return envelope;
}

std::string pre_authentication_encoding(const std::string& payload, const std::string& payload_type) {
  return "DSSEv1 " + std::to_string(payload_type.size()) + " " + payload_type + " " + std::to_string(payload.size()) + " " + payload;
}

void check_signature(Envelope& envelope, const PublicKey& key) {
  if (!key.verifies(pre_authentication_encoding(envelope.payload, envelope.payload_type), envelope.signature)) {
    if (envelope.key_id.empty() ? envelope.hint == key.hint() : envelope.key_id == key.fingerprint())
      reject("content and signature disagree: the bundle names the trusted key " + key.fingerprint() +
             ", but its signature is not that key's of this content; one of the two was changed after signing");
    reject("the signature is not the trusted key's: " +
           (envelope.key_id.empty() ? "the bundle names no key" : "the bundle names the key " + printable(envelope.key_id)) + ", the trusted key is " +
           key.fingerprint() + "; another key signed it, or it was changed after signing");
  }
  if (!envelope.key_id.empty() && envelope.key_id != key.fingerprint())
    envelope.warnings.push_back("the bundle names key " + printable(envelope.key_id) + ", but the signature is that of the trusted key " +
                                key.fingerprint());
}

}  // namespace lipverify
