// The command line of `lipcert`: options into structures, errors into one sentence, nothing else.
//
// Exit codes: 0 done; 2 the command line or a setting is wrong; 3 an input cannot be read or is not supported; 4 internal error or resource
// limit. (1 is the checker's "rejected" and is never returned here.)

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <new>

#include "certify/command.hpp"
#include "formats/error.hpp"

namespace {

constexpr const char* footer_of_all = R"(Quick start:
  lipcert keygen --out key.pem
  lipcert certify examples/models/digits.onnx --key key.pem -o digits.lipcert.sigstore.json
  lipverify digits.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem

Exit codes: 0 done, 2 usage, 3 input unreadable or unsupported, 4 internal error.)";

constexpr const char* footer_of_inspect = R"(Example:
  lipcert inspect examples/models/digits.onnx

Exit code 3 when a part of the model is not supported. With --json the object has "supported" (true or false) and "refused" (a list of
"node", "operator", "reason"), whatever the file holds.)";

constexpr const char* footer_of_keygen = R"(Examples:
  lipcert keygen --out key.pem
  LIPCERT_PASSPHRASE="correct horse" lipcert keygen --out safe.pem --algorithm ed25519 --encrypt

An existing file is never overwritten. The passphrase comes from --passphrase-fd or from the environment variable LIPCERT_PASSPHRASE; when
one is given the key is encrypted.)";

constexpr const char* footer_of_certify = R"(Example:
  lipcert certify examples/models/digits.onnx --key key.pem -o digits.lipcert.sigstore.json -v

Claims: ||f(x) - f(y)|| <= L ||x - y|| in the Euclidean norms, for the exact function of the graph, and the same for every difference of two
outputs. Same model, program, CPU kernel and SOURCE_DATE_EPOCH give the same payload bytes, whatever the number of threads. An older
certificate at the output's place is replaced; another file only with --force. On failure nothing is written.

--json prints one object: "lipschitz" and "lipschitzLower" (decimal strings, rounded outward), "blocks" (id, operator, method, bound,
lower), "pairs", "model", "certificate" (path), "payloadSha256", "keyFingerprint", "seconds".)";

int complain(const std::string& sentence, lipcert::ExitCode code) {
  fmt::print(stderr, "lipcert: error: {}\n", sentence);
  return static_cast<int>(code);
}

/// CLI11's message as one sentence with the remedy. Where no command was recognised, CLI11 only misses one: say what was there instead.
std::string usage_sentence(const CLI::App& app, const CLI::ParseError& error, const char* first) {
  if (app.get_subcommands().empty()) {
    return (first == nullptr ? std::string("A command is missing") : "'" + std::string(first) + "' is not a command") +
           "; choose inspect, keygen or certify, or see `lipcert --help`.";
  }
  std::string text = error.what();
  while (!text.empty() && (text.back() == '.' || text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  for (char& c : text) {
    if (c == '\n') {
      c = ' ';
    }
  }
  return text + "; see `lipcert " + app.get_subcommands().front()->get_name() + " --help`.";
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lipcert;
  try {
    CLI::App app("Certifies Lipschitz constants of neural networks: proved bounds in a signed file that others can recheck.", "lipcert");
    app.footer(footer_of_all);
    app.require_subcommand(1);
    app.set_version_flag("--version", version_text);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);

    const auto model_option = [](CLI::App& command, std::string& model, bool& external) {
      command.add_option("MODEL", model, "ONNX file")->required();
      command.add_flag("--allow-external-data", external, "read weights from files beside the model; their digests are recorded");
    };
    const auto passphrase_option = [](CLI::App& command, std::optional<int>& fd) {
      command.add_option("--passphrase-fd", fd, "read the key's passphrase (one line) from this file descriptor")
          ->check(CLI::NonNegativeNumber);
    };

    InspectOptions inspect;
    CLI::App& inspect_app =
        *app.add_subcommand("inspect", "Shows what is in a model, how each part will be bounded, and what is refused and why.");
    inspect_app.footer(footer_of_inspect);
    model_option(inspect_app, inspect.model, inspect.allow_external_data);
    inspect_app.add_flag("--json", inspect.json, "print one JSON object");

    KeygenOptions keygen;
    CLI::App& keygen_app = *app.add_subcommand("keygen", "Makes a key pair: KEY.pem (private) and KEY.pub.pem (public).");
    keygen_app.footer(footer_of_keygen);
    keygen_app.add_option("--out", keygen.out, "file for the private key; the public one is named after it")->required();
    const std::map<std::string, KeyAlgorithm> algorithms = {{"p256", KeyAlgorithm::p256}, {"ed25519", KeyAlgorithm::ed25519}};
    std::string algorithm = "p256";
    keygen_app.add_option("--algorithm", algorithm, "p256 (ECDSA, what Sigstore clients want) or ed25519")
        ->check(CLI::IsMember({"p256", "ed25519"}))
        ->capture_default_str();
    keygen_app.add_flag("--encrypt", keygen.encrypt, "insist on a passphrase");
    passphrase_option(keygen_app, keygen.passphrase_fd);

    CertifyOptions certify;
    CLI::App& certify_app = *app.add_subcommand("certify", "Bounds the Lipschitz constants of a model and writes a signed certificate.");
    certify_app.footer(footer_of_certify);
    model_option(certify_app, certify.model, certify.allow_external_data);
    certify_app.add_option("--key", certify.key, "private key (PKCS#8 PEM, ECDSA P-256 or Ed25519)")->required();
    certify_app.add_option("-o,--out", certify.out, "file for the certificate, by convention <model>.lipcert.sigstore.json")->required();
    certify_app.add_flag("--json", certify.json, "print one JSON object");
    certify_app.add_flag("-v,--verbose", certify.verbose, "print a table of the blocks");
    certify_app.add_option("--threads", certify.threads, "number of threads (default: all cores); the result does not depend on it")
        ->check(CLI::Range(1U, 1024U));
    certify_app.add_option("--issuer", certify.issuer, "who vouches for the certificate");
    certify_app.add_option("--not-after", certify.not_after, "end of validity in UTC, like 2030-12-31T23:59:59Z (default: none)");
    certify_app.add_option("--requirement", certify.requirements, "id of a requirement that the certificate serves; may be repeated")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    certify_app.add_flag("--force", certify.force, "replace an existing file at the output's place even if it is not a certificate");
    passphrase_option(certify_app, certify.passphrase_fd);

    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& request) {  // --help, --version
      return app.exit(request);
    } catch (const CLI::ParseError& error) {
      return complain(usage_sentence(app, error, argc > 1 ? argv[1] : nullptr), ExitCode::usage);
    }
    if (inspect_app.parsed()) {
      return inspect_command(inspect);
    }
    if (keygen_app.parsed()) {
      keygen.algorithm = algorithms.at(algorithm);
      return keygen_command(keygen);
    }
    return certify_command(certify);
  } catch (const Error& error) {
    return complain(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return complain("There is not enough memory for this model; use a machine with more.", ExitCode::internal);
  } catch (const std::exception& error) {
    return complain(std::string("Internal error: ") + error.what() + "; please report it with the model.", ExitCode::internal);
  }
}
