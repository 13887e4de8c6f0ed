// `lipcert report`: lipverify first, then a page about what it says. Nothing is written where there is no verdict.

#include "certify/commands/print.hpp"
#include "certify/commands/command_report.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "certify/commands/checker_process.hpp"
#include "certify/lipcert.hpp"

namespace lipcert {
namespace {

constexpr std::size_t longest_answer = std::size_t{1} << 28;

constexpr const char* footer = R"(Examples:
  lipcert report radii.lipcert.sigstore.json --model examples/models/digits.onnx --data examples/models/digits_test.csv --public-key key.pub.pem -o report.html
  lipcert report digits.lipcert.sigstore.json --compare radii.lipcert.sigstore.json -o changes.html

The lipverify beside this program checks the certificate first; its verdict stands at the top, and nothing else is shown as proved. Exit code: lipverify's, 0
accepted, 1 rejected (the report says so and shows nothing as proved), 5 accepted in part. Where there is no verdict, nothing is written. The report is one HTML
file without scripts that loads nothing; with SOURCE_DATE_EPOCH and --time the same bytes come out again.

--cyclonedx FILE is evidence, and says nothing about compliance; of a rejected certificate neither it nor --gsn is written.

--attack FILE is what `lipcert attack MODEL --data DATA --certificate CERT --list 1000000 --json` printed; with --flips too, each flip stands beside its sample. --compare shows what changed from CERT to NEW: without
--model and --public-key both are taken at their word, and the page says so.)";

Error checker_error(const std::string& why) {
  return {ExitCode::internal,
          "There is no verdict to report on, because the lipverify beside this program " + why + "; install both from the same release."};
}

std::string checker_program() {
  std::string program = checker_beside();
  if (program.empty())
    throw input_error(
        "A report shows what lipverify has rechecked, and there is no lipverify beside this program; put it into the same folder.");
  return program;
}

/// What is handed to lipverify; `names_only`: for whoever repeats it elsewhere, without folders.
std::vector<std::string> arguments_of(const ReportOptions& options, const std::string& program, const std::string& certificate,
                                      const std::string& records, const std::string& evidence, bool samples, bool names_only) {
  const auto name = [&](const std::string& path) { return names_only ? file_name_of(path) : path; };
  std::vector<std::string> out = {program, certificate};
  const auto add = [&](const char* option, const std::string& value) {
    if (value.empty()) return;
    if (names_only) {
      out.emplace_back(option);
      out.push_back(value);
    } else {
      out.push_back(std::string(option) + "=" + value);
    }
  };
  for (const std::string& model : options.models) add("--model", name(model));
  add("--public-key", name(options.public_key));
  add("--policy", name(options.policy));
  if (samples) {
    if (!options.no_samples) add("--data", name(options.data));
    if (!options.no_samples) add("--labels", name(options.labels));
    add("--records", names_only ? (options.records.empty() ? "" : name(records)) : records);
    add("--local-evidence", names_only ? (options.evidence.empty() ? "" : name(evidence)) : evidence);
    if (options.audit) add("--audit", std::to_string(*options.audit));
    if (options.no_samples) out.emplace_back("--no-samples");
  }
  if (options.time) add("--time", *options.time);
  if (options.allow_external_data) out.emplace_back("--allow-external-data");
  if (options.threads != 0 && !names_only) add("--threads", std::to_string(options.threads));
  return out;
}

/// The folder's own copy of the bytes is what lipverify sees, so that the file cannot be exchanged in between; the records are bound by
/// their digest.
report::Verdict verdict_of(const ReportOptions& options, const report::CertificateView& view) {
  try {
    const MemoryFile certificate("certificate");
    certificate.write(view.bytes);
    std::string records = options.records;
    if (view.samples && records.empty())
      records = folder_of(view.path) + "/" + file_name_of(view.samples->claim.at("records").at("file").get<std::string>());
    std::string evidence = options.evidence;
    if (view.samples && evidence.empty() && view.samples->claim.at("evidence").contains("local"))
      evidence = folder_of(view.path) + "/" + file_name_of(view.samples->claim.at("evidence").at("local").at("file").get<std::string>());
    std::vector<std::string> arguments =
        arguments_of(options, checker_program(), certificate.path(), records, evidence, view.samples.has_value(), false);
    arguments.emplace_back("--json");
    const CheckerAnswer answer = run_checker(std::move(arguments), longest_answer);
    return report::read_verdict(answer.out, answer.code);
  } catch (const CheckerFailure& failure) {
    throw checker_error(failure.what());
  }
}

/// A page, or a fragment, is only put where nothing else stands.
void write_output(const ReportOptions& options, const std::string& path, const std::string& bytes, bool (*ours)(const std::string&)) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode))
      throw Error(ExitCode::usage, report::printable(path) + " is not a regular file; name a file for the report.");
    if (holds_private_key(path))
      throw Error(ExitCode::usage, report::printable(path) + " holds a private key, or cannot be read to see that it does not: it is never replaced, not even with "
                                                             "--force; choose another name.");
    std::vector<std::string> inputs = options.models;
    inputs.insert(inputs.end(), {options.certificate, options.public_key, options.policy, options.data, options.labels, options.attack, options.compare});
    for (const std::string& input : inputs) {
      struct stat other {};
      if (!input.empty() && ::stat(input.c_str(), &other) == 0 && other.st_dev == status.st_dev && other.st_ino == status.st_ino)
        throw Error(ExitCode::usage, report::printable(path) + " is one of the files that the report is made from; choose another name.");
    }
    const bool replaceable = status.st_size == 0 || (status.st_size < 268435456 && ours(read_file(path, 268435456)));
    if (!replaceable && !options.force)
      throw Error(ExitCode::usage, report::printable(path) +
                                       " exists and was not written by `lipcert report`; choose another name, or replace it with --force.");
  }
  write_file(path, bytes, Overwrite::yes);
}

DataFormat format_named(const std::string& name) {
  for (const DataFormat format : {DataFormat::idx, DataFormat::csv, DataFormat::npy, DataFormat::cifar10, DataFormat::png_folder}) {
    if (name == name_of(format)) return format;
  }
  throw Error(ExitCode::usage, "The certificate names a data format that this program does not know.");
}

/// What cannot be taken apart is left to lipverify: it may be a forgery, whose report says so.
report::CertificateView certificate_of(const ReportOptions& options) {
  const std::string bytes = read_file(options.certificate, 268435456);
  try {
    return report::view_certificate(bytes, options.certificate, options.records);
  } catch (const Error&) {
    report::CertificateView bare;
    bare.path = options.certificate;
    bare.bytes = bytes;
    return bare;
  }
}

int compare_command(const ReportOptions& options) {
  const report::CertificateView before = report::read_certificate(options.certificate);
  const report::CertificateView after = report::read_certificate(options.compare);
  const report::Difference difference = report::compare(before, after);
  report::CompareJob job{before, after, "", "", issue_time()};
  int code = 0;
  if (!options.models.empty()) {
    ReportOptions asked = options;
    asked.no_samples = options.data.empty();
    const report::Verdict first = verdict_of(asked, before);
    const report::Verdict second = verdict_of(asked, after);
    job.verdict_before = first.word;
    job.verdict_after = second.word;
    code = first.exit_code == 1 || second.exit_code == 1 ? 1 : std::max(first.exit_code, second.exit_code);
  }
  if (!options.out.empty()) write_output(options, options.out, report::make_compare_page(job, difference), report::is_report);
  if (options.json) {
    Json out = report::json(difference);
    if (!job.verdict_before.empty()) out["verdicts"] = {job.verdict_before, job.verdict_after};
    print_json_line(out);
  } else {
    if (job.verdict_before.empty()) {
      fmt::print("verdict      none: neither certificate was rechecked, both are taken at their word\n");
    } else {
      fmt::print("verdict      {} -> {}\n", job.verdict_before, job.verdict_after);
    }
    fmt::print("{}", report::text(difference));
  }
  return code;
}

void require(bool condition, const char* sentence) {
  if (!condition) throw Error(ExitCode::usage, sentence);
}

}  // namespace

CLI::App* add_report_command(CLI::App& app, ReportOptions& options) {
  CLI::App& command = *app.add_subcommand(
      "report", "Writes an auditor's page about a certificate that lipverify has rechecked, or what changed between two.");
  command.footer(footer);
  const auto many = CLI::MultiOptionPolicy::TakeAll;
  command.add_option("CERT", options.certificate, "certificate file")->required();
  command.add_option("--model", options.models, "the model file; may be given several times, the digest decides")
      ->multi_option_policy(many)
      ->allow_extra_args(false);
  command.add_option("--public-key", options.public_key, "the trusted public key (PEM), obtained from whom you trust");
  command.add_option("--policy", options.policy, "a policy of lipverify, in place of --public-key");
  command.add_option("--data", options.data, "the data file or folder: recheck the claim about samples on it, and show some");
  command.add_option("--labels", options.labels, "the label file that belongs to the data");
  command.add_option("--records", options.records, "the records file (default: the one named in the certificate, beside it)");
  command.add_option("--local-evidence", options.evidence, "the file of evidence of local radii (default: the one named in the certificate, beside it)");
  command.add_option("--audit", options.audit, "recheck only this many samples, drawn at random: 'accepted in part'")
      ->check(CLI::Range(1U, 4294967295U));
  command.add_flag("--no-samples", options.no_samples, "recheck no sample: 'accepted in part'");
  command.add_option("-o,--out", options.out, "the HTML file");
  command.add_option("--attack", options.attack, "what `lipcert attack --certificate CERT --json` printed");
  command.add_option("--gsn", options.gsn, "also write the goal structure, as .svg or .dot");
  command.add_option("--cyclonedx", options.cyclonedx, "also write the model's entry for a bill of materials, CycloneDX 1.6 (JSON)");
  command.add_option("--compare", options.compare, "a newer certificate: show what changed");
  command.add_option("--time", options.time, "check as of this time, YYYY-MM-DDThh:mm:ssZ");
  command.add_flag("--allow-external-data", options.allow_external_data, "read weights from files beside the model");
  command.add_option("--threads", options.threads, "number of threads (default: all cores)")->check(CLI::Range(1U, 1024U));
  command.add_flag("--json", options.json, "print one JSON object");
  command.add_flag("--force", options.force, "replace a file that is not a report");
  return &command;
}

int report_command(const ReportOptions& options) {
  const bool trust = !options.public_key.empty() || !options.policy.empty();
  require(options.public_key.empty() || options.policy.empty(), "Give either --public-key or --policy.");
  require(options.audit.has_value() + options.no_samples < 2, "Give either --audit or --no-samples.");
  if (!options.compare.empty()) {
    require(options.attack.empty() && options.gsn.empty() && options.cyclonedx.empty(),
            "--attack, --gsn and --cyclonedx are about one certificate; leave them out with --compare.");
    require(trust == !options.models.empty(),
            "To have both certificates rechecked give --model (for each model) and --public-key or --policy; to take them at their word "
            "give neither.");
    return compare_command(options);
  }
  require(trust, "A report shows what was rechecked: give --public-key KEY.pub.pem or --policy POLICY.json.");
  require(!options.models.empty(), "A report shows what was rechecked: give --model MODEL.");
  require(!options.out.empty(), "Name the file for the report with -o report.html.");
  require(options.gsn.empty() || options.gsn.ends_with(".svg") || options.gsn.ends_with(".dot"),
          "--gsn writes .svg or .dot; let the file's name end so.");
  require(options.out != options.gsn && options.out != options.cyclonedx && (options.gsn.empty() || options.gsn != options.cyclonedx),
          "-o, --gsn and --cyclonedx write three files; give them different names.");
  report::ReportJob job;
  job.certificate = certificate_of(options);
  job.verdict = verdict_of(options, job.certificate);
  job.attack = options.attack;
  job.made_at = issue_time();
  const bool samples = job.certificate.samples.has_value();
  const std::string records = samples ? job.certificate.samples->claim.at("records").at("file").get<std::string>() : "";
  job.command = arguments_of(options, "lipverify", file_name_of(options.certificate), records, options.evidence, samples, true);
  if (job.verdict.proves() && samples && !options.data.empty()) {
    const Json& data = job.certificate.samples->claim.at("data");
    DataSource source{options.data, options.labels, format_named(data.at("format").get<std::string>()), std::nullopt};
    if (data.contains("labelColumn")) source.label_column = data.at("labelColumn").get<std::int64_t>();
    job.data = source;
  }
  const report::Report made = report::make_report(job);
  write_output(options, options.out, made.html, report::is_report);
  if (!options.gsn.empty() && job.verdict.proves()) {
    const bool svg = options.gsn.ends_with(".svg");
    write_output(options, options.gsn, svg ? made.gsn_svg : made.gsn_dot, [](const std::string& bytes) {
      return bytes.find("Goal structure of the argument") != std::string::npos || bytes.starts_with("digraph argument");
    });
  }
  if (!options.cyclonedx.empty() && job.verdict.proves()) write_output(options, options.cyclonedx, made.cyclonedx, report::is_bill_of_materials);
  if (options.json) {
    const Json out = {{"verdict", job.verdict.word},
                      {"exitCode", job.verdict.exit_code},
                      {"payloadSha256", job.verdict.json.at("payloadSha256")},
                      {"report", options.out},
                      {"bytes", made.html.size()}};
    print_json_line(out);
  } else {
    fmt::print("verdict      {}{}\n", job.verdict.word, job.verdict.error.empty() ? "" : ": " + report::printable(job.verdict.error));
    fmt::print("report       {} ({} bytes)\n", report::printable(options.out), made.html.size());
  }
  return job.verdict.exit_code;
}

}  // namespace lipcert
