#include "proofs/front/exact.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "formats/encoding/error.hpp"
#include "formats/encoding/hex_float.hpp"

namespace lipcert::proofs {

Fraction exact(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  Fraction f;
  f.num = static_cast<std::int64_t>(std::ldexp(mantissa, 53));
  exponent -= 53;
  if (exponent >= 0) {
    f.num <<= static_cast<unsigned>(exponent);
  } else {
    f.den <<= static_cast<unsigned>(-exponent);
  }
  return f;
}

Fraction parse_rigorous(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) {
    try {
      return exact(parse_hex_float(text));
    } catch (const Error& e) {
      throw Error(ExitCode::rejected, e.what());
    }
  }
  const std::string num = text.substr(0, slash);
  const std::string den = text.substr(slash + 1);
  const auto digits = [](const std::string& s, std::size_t from) {
    return s.size() > from && s.size() < 20000 && s.find_first_not_of("0123456789", from) == std::string::npos &&
           (s[from] != '0' || s.size() == from + 1);
  };
  const std::size_t sign = !num.empty() && num.front() == '-' ? 1 : 0;
  if (!digits(num, sign) || !digits(den, 0) || den == "0") {
    throw Error(ExitCode::rejected, "the certificate's number '" + text.substr(0, 60) + "' is not a fraction of decimal integers.");
  }
  return {Integer(num), Integer(den)};
}

Fraction parse_upper(const std::string& text, const std::string& decimal) {
  const auto wrong = [&](const char* why) {
    return Error(ExitCode::rejected, "the certificate's decimal '" + decimal.substr(0, 60) + "' " + why + " '" + text.substr(0, 60) + "'.");
  };
  const auto digits = [](const std::string& s) { return !s.empty() && s.find_first_not_of("0123456789") == std::string::npos; };
  const bool negative = decimal.rfind('-', 0) == 0;
  const std::size_t e = std::min(decimal.find('e'), decimal.size());
  const std::string mantissa = decimal.substr(negative ? 1 : 0, e - std::min<std::size_t>(negative ? 1 : 0, e));
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::string places = point < mantissa.size() ? mantissa.substr(point + 1) : "0";
  std::string exponent = e < decimal.size() ? decimal.substr(e + 1) : "0";
  const bool small = exponent.rfind('-', 0) == 0;
  if (small || exponent.rfind('+', 0) == 0) {
    exponent.erase(0, 1);
  }
  if (decimal.size() > 40 || !digits(mantissa.substr(0, point)) || !digits(places) || !digits(exponent) || exponent.size() > 4) {
    throw wrong("is no decimal number, beside");
  }
  const auto unsigned_value = [](std::string s) {
    s.erase(0, std::min(s.find_first_not_of('0'), s.size() - 1));  // a leading zero would make it octal
    return Integer(s);
  };
  Fraction shown{unsigned_value(mantissa.substr(0, point) + places), pow(Integer(10), static_cast<unsigned>(places.size()))};
  (small ? shown.den : shown.num) *= pow(Integer(10), static_cast<unsigned>(std::stoul(exponent)));
  if (negative) {
    shown.num = -shown.num;
  }
  Fraction value = parse_rigorous(text);
  if (shown.num * value.den < value.num * shown.den) {
    throw wrong("is below the exact number");
  }
  return value;
}

Integer floor_scaled(const Fraction& f, int s) {
  Integer num = f.num;
  Integer den = f.den;
  if (s >= 0) {
    num <<= static_cast<unsigned>(s);
  } else {
    den <<= static_cast<unsigned>(-s);
  }
  Integer q = num / den;
  if (num < 0 && q * den != num) {
    --q;
  }
  return q;
}

double approximate(const Fraction& f) {
  if (f.num == 0) {
    return 0;
  }
  const int s = 64 - (static_cast<int>(msb(boost::multiprecision::abs(f.num))) - static_cast<int>(msb(f.den)));
  return std::ldexp(floor_scaled(f, s).convert_to<double>(), -s);
}

}  // namespace lipcert::proofs
