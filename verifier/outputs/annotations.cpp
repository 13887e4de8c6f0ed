// Workflow commands of GitHub Actions: one line for each finding, shown beside the certificate's file. The runner takes a message up to the
// end of the line and a property up to ',' or ':', so these are percent-encoded as its toolkit does.
#include "verifier/outputs/gate.hpp"
#include "verifier/outputs/report.hpp"

namespace lipverify {

static std::string escaped(const std::string& text, bool property) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '%':
        out += "%25";
        break;
      case '\r':
        out += "%0D";
        break;
      case '\n':
        out += "%0A";
        break;
      case ':':
        out += property ? "%3A" : ":";
        break;
      case ',':
        out += property ? "%2C" : ",";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string gate_annotations(const Gate& gate) {
  std::string out;
  for (const Judgement& j : gate.judgements)
    for (const Finding& f : findings(j))
      out += std::string(f.warning ? "::warning" : "::error") + " file=" + escaped(printable_line(relative_path(f.certificate)), true) +
             ",title=" + escaped("lipverify " + f.rule, true) + "::" + escaped(f.message, false) + "\n";
  return out;
}

}  // namespace lipverify
