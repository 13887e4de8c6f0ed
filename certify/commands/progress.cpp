#include "certify/commands/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "certify/commands/print.hpp"

namespace lipcert {
namespace {

constexpr auto patience = std::chrono::milliseconds(500);
constexpr auto refresh = std::chrono::milliseconds(80);
constexpr const char* wipe_line = "\r\x1b[K";

bool terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar(bool wanted) : active_(wanted && terminal()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) {
    write_text(stderr, wipe_line);
  }
}

void ProgressBar::show(double done, const std::string& what) {
  const auto now = Clock::now();
  if (!active_ || now - start_ < patience || (drawn_ && now - last_ < refresh)) {
    return;
  }
  last_ = now;
  drawn_ = true;
  constexpr std::size_t bar_width = 30;
  const double fraction = std::clamp(done, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(bar_width));
  std::string line = fmt::format("[{}{}] {:3.0f} %  ", std::string(filled, '#'), std::string(bar_width - filled, '.'), 100 * fraction);
  const std::size_t room = std::max<std::size_t>(terminal_width(), line.size() + 8) - line.size() - 1;
  line += printable(what.substr(0, room));  // cut first: half a character becomes a mark
  write_text(stderr, wipe_line + line);
  std::fflush(stderr);
}

}  // namespace lipcert
