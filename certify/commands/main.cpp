// The command line of `lipcert`: options into structures, errors into one sentence, nothing else.
//
// Exit codes: 0 done; 2 the command line or a setting is wrong; 3 an input cannot be read or is not supported; 4 internal error or resource
// limit. (1 is the checker's "rejected"; here only `attack` returns it, when a certificate is refuted.)

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>
#include <new>
#include <sstream>

#include "certify/commands/command_attack.hpp"
#include "certify/commands/command_report.hpp"
#include "certify/commands/command_renew.hpp"
#include "certify/commands/command.hpp"
#include "certify/commands/print.hpp"

namespace {

constexpr const char* footer_of_all = R"(Quick start:
  lipcert keygen --out key.pem
  lipcert certify examples/models/digits.onnx --key key.pem -o digits.lipcert.sigstore.json
  lipverify digits.lipcert.sigstore.json --model examples/models/digits.onnx --public-key key.pub.pem

Exit codes: 0 done, 1 no (an attack flips a certified sample, renew --check finds other bytes, the certificate of a report is rejected), 2 usage, 3 input
unreadable or unsupported, 4 internal error, 5 accepted in part (the report of a certificate whose samples were left out).)";

constexpr const char* footer_of_inspect = R"(Example:
  lipcert inspect examples/models/digits.onnx

Exit code 3 when a part of the model is not supported. With --json the object has "supported" (true or false) and "refused" (a list of
"node", "operator", "reason"), whatever the file holds.

What a model leaves open is said here and to `certify` in the same words: --input-shape, --fixed-inputs, --output.)";

constexpr const char* footer_of_keygen = R"(Examples:
  lipcert keygen --out key.pem
  LIPCERT_PASSPHRASE="correct horse" lipcert keygen --out safe.pem --algorithm ed25519 --encrypt

An existing file is never overwritten. The passphrase comes from --passphrase-fd or from the environment variable LIPCERT_PASSPHRASE; when
one is given the key is encrypted.)";

constexpr const char* footer_of_certify = R"(Examples:
  lipcert certify examples/models/digits.onnx --key key.pem -o digits.lipcert.sigstore.json -v
  lipcert certify examples/models/digits.onnx --key key.pem -o radii.lipcert.sigstore.json --data examples/models/digits_test.csv --label-column -1 --eps 1,3
  lipcert certify examples/models/digits.onnx -o 0.shard --data examples/models/digits_test.csv --label-column -1 --shard 0/2
  lipcert certify examples/models/digits.onnx -o 1.shard --data examples/models/digits_test.csv --label-column -1 --shard 1/2

Claims: ||f(x) - f(y)|| <= L ||x - y|| in the Euclidean norms, for the exact function of the graph, and the same for every difference of two
outputs. Same model, program, CPU kernel and SOURCE_DATE_EPOCH give the same payload bytes, whatever the number of threads. An older
certificate at the output's place is replaced; another file only with --force. On failure nothing is written.

Where a lipverify stands beside this program, it checks the certificate before it is written, and its verdict is printed; one that it does not
accept is not written (exit code 4). Of more than 100 samples it recomputes 100, beside all digests and counts: "accepted in part".

With --data the radius of every sample is certified as well: no input nearer than that changes the decision, in exact real arithmetic
(floating-point inference is not covered yet). The records lie in a side file beside the certificate; their radii are in units of the graph's input.
The larger of two radii is recorded: that of the network's constants, and that of a bound for the ball around the sample (--radii local, the default), whose
evidence lies in a second side file. With --eps the latter is found out at those numbers only, else to 1 %.
Where --scale, --mean or --std is given, eps is counted in scaled pixels, v * scale: a radius r counts as r min_c |std_c|, exactly. A shard that is
already there is kept, so a killed run is resumed by running it again.

When at least 20 samples are labelled and the share a of those classified as labelled is that of guessing among C classes (one output: 2), nothing is
written but with --allow-low-accuracy: a - 1/C is at most three standard deviations, 3 sqrt((1/C) (1 - 1/C) / n), or at most (1 - 1/C) / 20. Wrong
layout, scale or labels look like that.

--json prints one object: "lipschitz" and "lipschitzLower" (decimal strings, rounded outward), "blocks" (id, operator, method, bound,
lower), "pairs", "model", "certificate" (path), "payloadSha256", "keyFingerprint", "seconds", "recheck" ("accepted", "accepted in part",
"skipped" or "no lipverify beside lipcert"), "recheckVerdict" (its verdict line, or null) and "recheckSeconds"; with --data also "samples": "total", "correct",
"undecided", "epsUnit" ("scaled pixel" or "graph input"), "eps" (eps, certified, certified_correct, and both by the global constants alone), "medianRadius" and
"medianGlobalRadius" (in the graph's input), "radii" (the theorem), "local" (how many radii follow by it), "inputRange", "records", "evidence".)";

constexpr const char* footer_of_merge = R"(Example:
  lipcert merge examples/models/digits.onnx 0.shard 1.shard --key key.pem -o merged.lipcert.sigstore.json --eps 1,3

All shards of one division must be there, exactly once, made from the same model and data with the same options. The certificate is the same as
without shards. The unit of eps and --allow-low-accuracy are those of `lipcert certify` (see its help), over the samples of all shards. The lipverify beside
this program checks it before it is written, but for the samples, whose data are not here.)";

constexpr const char* footer_of_attack = R"(Examples:
  lipcert attack examples/models/digits.onnx --data examples/models/digits_test.csv --label-column -1 --limit 100
  lipcert attack examples/models/digits.onnx --data examples/models/digits_test.csv --certificate radii.lipcert.sigstore.json

Reports the smallest flips found and the ratio of certified radius to smallest flip (near 1: the certificate is tight). Distances and radii are in the
unit of --eps-unit, with --certificate in that of its eps; with one std per channel the radius in scaled pixels is r min_c |std_c|. Exit code 1 if a
certified sample is flipped inside its radius, as recorded in units of the graph's input. The certificate's signature is not checked here: that is the task of lipverify.)";

int complain(const std::string& sentence, lipcert::ExitCode code) {
  lipcert::print(stderr, "lipcert: error: {}\n", sentence);
  return static_cast<int>(code);
}

/// A script that reads half an answer must not take it for a whole one.
void check_standard_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw lipcert::Error(lipcert::ExitCode::internal, "Standard output cannot be written (closed, or the disk is full?), so the answer is not whole; a file that was made is.");
  }
}

/// CLI11's message as one sentence with the remedy. Where no command was recognised, CLI11 only misses one: say what was there instead.
std::string usage_sentence(const CLI::App& app, const CLI::ParseError& error, const char* first) {
  if (app.get_subcommands().empty()) {
    return (first == nullptr ? std::string("A command is missing") : "'" + std::string(first) + "' is not a command") +
           "; choose inspect, keygen, certify or renew, or see `lipcert --help`.";
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
  prepare_process();
  try {
    CLI::App app("Certifies Lipschitz constants of neural networks: proved bounds in a signed file that others can recheck.", "lipcert");
    app.footer(footer_of_all);
    app.require_subcommand(1);
    app.set_version_flag("--version", version_text);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);

    BudgetOptions allowed;
    const auto model_option = [&allowed](CLI::App& command, std::string& model, bool& external, FunctionOptions& function) {
      add_budget_options(command, allowed);
      command.add_option("MODEL", model, "ONNX or .nnet file")->required();
      command.add_flag("--allow-external-data", external, "read weights from files beside the model; their digests are recorded");
      add_function_options(command, function);
    };
    const auto passphrase_option = [](CLI::App& command, std::optional<int>& fd) {
      command.add_option("--passphrase-fd", fd, "read the key's passphrase (one line) from this file descriptor")
          ->check(CLI::NonNegativeNumber);
    };

    InspectOptions inspect;
    CLI::App& inspect_app =
        *app.add_subcommand("inspect", "Shows what is in a model, how each part will be bounded, and what is refused and why.");
    inspect_app.footer(footer_of_inspect);
    model_option(inspect_app, inspect.model, inspect.allow_external_data, inspect.function);
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
    const auto certificate_options = [&](CLI::App& command, CertifyOptions& options) {
      model_option(command, options.model, options.allow_external_data, options.function);
      command.add_option("--key", options.key, "private key (PKCS#8 PEM, ECDSA P-256 or Ed25519); required, except with --shard");
      command.add_option("-o,--out", options.out, "file for the certificate, by convention <model>.lipcert.sigstore.json")->required();
      command.add_flag("--json", options.json, "print one JSON object");
      command.add_flag("-v,--verbose", options.verbose, "print a table of the blocks");
      command.add_option("--threads", options.threads, "number of threads (default: all cores); the result does not depend on it")
          ->check(CLI::Range(1U, 1024U));
      command.add_option("--issuer", options.issuer, "who vouches for the certificate");
      command.add_option("--not-after", options.not_after, "end of validity in UTC, like 2030-12-31T23:59:59Z (default: none)");
      command.add_option("--requirement", options.requirements, "id of a requirement that the certificate serves; may be repeated")
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->allow_extra_args(false);
      command.add_flag("--no-recheck", options.no_recheck, "do not have the lipverify beside this program check the result before it is written");
      command.add_flag("--force", options.force, "replace an existing file at the output's place even if it is not a certificate; never one that holds a private key");
      passphrase_option(command, options.passphrase_fd);
    };
    certificate_options(certify_app, certify);
    add_data_options(certify_app, certify.samples.data);
    add_counting_options(certify_app, certify.samples);
    add_radius_options(certify_app, certify.samples);
    certify_app.add_option("--shard", certify.samples.shard,
                           "certify only part i of N of the samples (i/N, from 0), unsigned, for `lipcert merge`");

    CertifyOptions merge;
    CLI::App& merge_app = *app.add_subcommand("merge", "Makes one signed certificate from all shards of a data set.");
    merge_app.footer(footer_of_merge);
    certificate_options(merge_app, merge);
    merge_app.add_option("SHARD", merge.shards, "shard files of one run, in any order")
        ->required()
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    add_counting_options(merge_app, merge.samples);

    AttackOptions attack;
    CLI::App& attack_app =
        *app.add_subcommand("attack", "Searches for the nearest inputs that change decisions, to falsify certified radii.");
    attack_app.footer(footer_of_attack);
    model_option(attack_app, attack.model, attack.allow_external_data, attack.function);
    add_data_options(attack_app, attack.data);
    attack_app.get_option("--data")->required();
    attack_app.add_option("--certificate", attack.certificate,
                          "compare with the radii of this certificate; scaling, layout and unit are taken from it");
    add_unit_option(attack_app, attack.unit, "distances and radii");
    attack_app.add_option("--input-range", attack.input_range, "LOW,HIGH: keep to inputs whose scaled pixels all lie between these numbers")->delimiter(',')->expected(2);
    attack_app.add_option("--steps", attack.steps, "steps of projected gradient")->check(CLI::Range(0U, 100000U))->capture_default_str();
    attack_app.add_option("--seed", attack.seed, "of the rounding search")->capture_default_str();
    attack_app.add_option("--threads", attack.threads, "number of threads (default: all cores); the result does not depend on it")
        ->check(CLI::Range(1U, 1024U));
    attack_app.add_option("--list", attack.list, "number of flips to list")->capture_default_str();
    attack_app.add_option("--flips", attack.flips, "also write the listed flips as a new NPY file: float64, numbers and order of the data file");
    attack_app.add_flag("--json", attack.json, "print one JSON object");

    ReportOptions report;
    CLI::App& report_app = *add_report_command(app, report);
    const std::function<std::optional<int>()> renewal = add_renewal_commands(app);

    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& request) {  // --help, --version
      std::ostringstream text;
      const int done = app.exit(request, text, text);
      write_text(stdout, text.str());
      check_standard_output();
      return done;
    } catch (const CLI::ParseError& error) {
      return complain(usage_sentence(app, error, argc > 1 ? argv[1] : nullptr), ExitCode::usage);
    }
    set_budget(allowed.budget());
    int code = 0;
    if (inspect_app.parsed()) {
      code = inspect_command(inspect);
    } else if (keygen_app.parsed()) {
      keygen.algorithm = algorithms.at(algorithm);
      code = keygen_command(keygen);
    } else if (const std::optional<int> renewed = renewal()) {
      code = *renewed;
    } else if (attack_app.parsed()) {
      code = attack_command(attack);
    } else if (report_app.parsed()) {
      code = report_command(report);
    } else {
      code = certify_command(merge_app.parsed() ? merge : certify);
    }
    check_standard_output();
    return code;
  } catch (const Error& error) {
    return complain(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return complain("There is not enough memory for this model within --max-memory (by default half of the machine); allow more, or use a machine that has more.", ExitCode::internal);
  } catch (const std::exception& error) {
    return complain(std::string("Internal error: ") + error.what() + "; please report it with the model.", ExitCode::internal);
  }
}
